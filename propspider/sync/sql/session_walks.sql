-- A session's walks, and for every scope that it has not begun the pages of the walk before. Parameters: portal, session_id.
SELECT DISTINCT ON (scope)
       scope, session_id = CAST(:session_id AS uuid) AS is_own, pages_wanted, pages_fetched + pages_failed AS pages, cards, entries,
       first_stated_total
FROM sweeps
WHERE portal = :portal
ORDER BY scope, (session_id = CAST(:session_id AS uuid)) DESC, id DESC
