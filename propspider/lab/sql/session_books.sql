-- What each session of a span says of the requests it sent: answers that its crawl counted, and what the tables hold of them.
-- Parameters: portal, since, until (of its start). An error row with a status had an answer; those of cards, of gated or doubly told
-- pages and of rejected items stand beside a page or an item that is counted already. A page's own offence at the store is its error.
-- Indexes: ix_scraping_sessions_portal_started, ix_scraping_errors_session_id.
SELECT s.spider, s.status, s.started_at, s.completed_at, s.stats, s.pages_fetched AS pages, m.total_scraped AS items,
       coalesce(s.arguments ->> 'source' = 'sitemap', false) AS is_sitemap,
       (SELECT count(*) FROM scraping_errors e
        WHERE e.session_id = s.id
          AND (e.http_status IS NOT NULL AND e.error_type NOT IN ('card', 'page_gate', 'other_listing', 'validation', 'store')
               OR e.error_type = 'store' AND s.spider = 'detail')) AS refused,
       (SELECT count(*) FROM removal_evidence e
        WHERE e.session_id = s.id AND e.method IN ('HEAD', 'GET') AND e.http_status IS NOT NULL) AS looks,
       (SELECT count(*) FROM removal_evidence e
        WHERE e.session_id = s.id AND e.method = 'HEAD' AND e.http_status IN (301, 302, 303, 307, 308)) AS head_redirects,
       (SELECT count(*) FROM verification_batches b CROSS JOIN LATERAL jsonb_array_elements(b.controls) AS control
        WHERE b.session_id = s.id AND control ->> 'http_status' IS NOT NULL) AS controls
FROM scraping_sessions s
JOIN sync_metadata m ON m.session_id = s.id
WHERE s.portal = :portal AND s.started_at < CAST(:until AS timestamptz)
  AND coalesce(s.completed_at, 'infinity') > CAST(:since AS timestamptz)
ORDER BY s.started_at
