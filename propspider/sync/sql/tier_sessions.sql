-- Crawls of a run, in start order; handled: detail pages that were read, refused or lost. Parameters: run_id.
SELECT s.id, s.spider, s.status, s.finish_reason, s.items_stored AS stored,
       m.total_scraped + s.error_count - m.rejected_properties AS handled,
       extract(epoch FROM coalesce(s.completed_at, (SELECT app_now())) - s.started_at)::float8 AS seconds
FROM scraping_sessions s
JOIN sync_metadata m ON m.session_id = s.id
WHERE s.sync_run_id = :run_id
ORDER BY s.started_at, s.id
