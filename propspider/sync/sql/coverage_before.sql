-- What detail sessions before one had filled, the newest first. Parameters: session_id, portal, fewest (pages), most (sessions).
-- Index: ix_scraping_sessions_portal_started.
SELECT m.filled
FROM scraping_sessions s
JOIN sync_metadata m ON m.session_id = s.id
WHERE s.portal = :portal AND s.spider = 'detail' AND s.status = 'completed'
  AND s.started_at <= (SELECT own.started_at FROM scraping_sessions own WHERE own.id = :session_id) AND s.id <> :session_id
  AND (m.filled ->> 'pages')::bigint >= :fewest
ORDER BY s.started_at DESC
LIMIT :most
