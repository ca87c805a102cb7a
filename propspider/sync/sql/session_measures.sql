-- Measures of the completed sessions before one, the newest first. Parameters: session_id, portal, spider, most, arguments (jsonb; null:
-- whatever theirs were). Index: ix_scraping_sessions_portal_started.
SELECT s.stats -> 'measures' AS measures
FROM scraping_sessions s
WHERE s.portal = :portal AND s.spider = :spider AND s.status = 'completed' AND s.stats ? 'measures'
  AND s.started_at <= (SELECT own.started_at FROM scraping_sessions own WHERE own.id = :session_id) AND s.id <> :session_id
  AND (CAST(:arguments AS jsonb) IS NULL OR s.arguments = CAST(:arguments AS jsonb))
ORDER BY s.started_at DESC
LIMIT :most
