-- Pauses that are in force, the longest first; real time. Parameters: portal (null: of every portal, else those that hold for it).
SELECT portal, reason, paused_by, paused_at, until, times
FROM portal_pauses
WHERE (CAST(:portal AS text) IS NULL OR portal IN (:portal, '*')) AND (until IS NULL OR until > app_clock())
ORDER BY until DESC NULLS FIRST, portal
