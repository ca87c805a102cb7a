-- Pages that sessions asked for, by outcome: each URL that failed counts once. Parameters: session_ids, failures (error types that
-- mean a page or its listing could not be had). A listing that is gone was answered well. Index: ix_scraping_errors_session_id.
SELECT s.id AS session_id, s.spider, s.status, s.finish_reason, s.arguments,
       CASE s.spider
           WHEN 'manifest' THEN s.pages_fetched
           WHEN 'detail' THEN s.items_stored
           ELSE (SELECT coalesce(sum(b.listings), 0) FROM verification_batches b WHERE b.session_id = s.id)
       END + e.gone AS read_well,
       e.failed
FROM scraping_sessions s
CROSS JOIN LATERAL (
    SELECT count(DISTINCT coalesce(x.url, x.id::text)) FILTER (WHERE x.error_type = ANY (CAST(:failures AS text[]))) AS failed,
           count(DISTINCT x.url) FILTER (WHERE x.error_type = 'gone') AS gone
    FROM scraping_errors x WHERE x.session_id = s.id
) e
WHERE s.id = ANY (CAST(:session_ids AS uuid[]))
