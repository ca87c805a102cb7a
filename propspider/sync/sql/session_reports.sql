-- What sessions brought, in start order. Parameters: ids. Indexes: ix_property_changes_session, uq_sweeps_session_scope, ix_sweep_pages_sweep.
-- pages of a detail session are the pages that were read or refused; silent_seconds is real time since the last heartbeat of a running one.
SELECT s.id, s.portal, s.spider, s.status, s.finish_reason, s.arguments, s.started_at, s.completed_at,
       extract(epoch FROM coalesce(s.completed_at, (SELECT app_now())) - s.started_at)::float8 AS seconds,
       CASE WHEN s.status = 'running' THEN extract(epoch FROM clock_timestamp() - s.heartbeat_at)::float8 END AS silent_seconds,
       CASE WHEN s.spider = 'manifest' THEN s.pages_fetched
            ELSE m.total_scraped + s.error_count - m.rejected_properties END AS pages,
       CASE WHEN s.spider = 'manifest' THEN seen.listings ELSE m.total_scraped END AS listings,
       m.new_properties AS new,
       m.queued_properties AS queued,
       m.stored_properties AS stored,
       changed.listings AS updated,
       m.unchanged_properties AS unchanged,
       greatest(m.price_changes, changed.prices) AS price_changes,
       m.data_quality_score AS quality,
       s.error_count AS errors
FROM scraping_sessions s
JOIN sync_metadata m ON m.session_id = s.id
CROSS JOIN LATERAL (
    SELECT count(DISTINCT c.property_id) AS listings,
           count(DISTINCT c.property_id) FILTER (WHERE c.field_name IN ('price', 'offers')) AS prices
    FROM property_changes c WHERE c.session_id = s.id AND c.change_type = 'updated'
) changed
CROSS JOIN LATERAL (
    SELECT count(DISTINCT listing) AS listings
    FROM sweeps w JOIN sweep_pages p ON p.sweep_id = w.id CROSS JOIN LATERAL unnest(p.property_ids) listing
    WHERE w.session_id = s.id
) seen
WHERE s.id = ANY (CAST(:ids AS uuid[]))
ORDER BY s.started_at, s.id
