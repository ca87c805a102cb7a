-- Other sessions that are walking scopes. Parameters: portal, scopes, session_id.
SELECT DISTINCT w.session_id
FROM sweeps w JOIN scraping_sessions s ON s.id = w.session_id AND s.status = 'running'
WHERE w.portal = :portal AND w.scope = ANY (CAST(:scopes AS text[])) AND w.status = 'running' AND w.session_id <> :session_id
