-- The last walk of each scope. Parameters: portal (null = all).
SELECT DISTINCT ON (portal, scope)
       id, session_id, portal, scope, status, verdict, pages_wanted, pages_fetched, pages_failed, cards, entries,
       first_stated_total, last_stated_total, cap_hit, started_at, completed_at
FROM sweeps
WHERE CAST(:portal AS text) IS NULL OR portal = :portal
ORDER BY portal, scope, id DESC
