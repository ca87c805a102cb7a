-- How the pages of a run came: read, and failed for a reason that is the portal's or the network's. Parameters: run_id.
-- Answers that verify asks for are evidence, whatever they are; pages that robots.txt forbids or that are gone are no failures.
SELECT coalesce(sum(CASE WHEN s.spider = 'manifest' THEN s.pages_fetched ELSE m.total_scraped END), 0) AS read,
       coalesce(sum((SELECT count(*) FROM scraping_errors e
                     WHERE e.session_id = s.id AND e.error_type IN
                         ('download', 'http_status', 'blocked', 'login', 'wrong_page', 'unreadable', 'empty_page'))), 0) AS failed
FROM scraping_sessions s
JOIN sync_metadata m ON m.session_id = s.id
WHERE s.sync_run_id = :run_id AND s.spider IN ('manifest', 'detail')
