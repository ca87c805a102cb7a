-- The last walk of each scope, in the order in which they began. Parameters: portal (null = all).
SELECT * FROM (
    SELECT DISTINCT ON (portal, scope)
           id, session_id, portal, scope, status, verdict, pages_wanted, pages_fetched, pages_failed, cards, entries,
           first_stated_total, last_stated_total, cap_hit, started_at, completed_at
    FROM sweeps
    WHERE CAST(:portal AS text) IS NULL OR portal = :portal
    ORDER BY portal, scope, id DESC
) latest
ORDER BY portal, id
