-- Ends the pauses that are in force; real time. Parameters: portal (null: every one, that of all portals included).
UPDATE portal_pauses p
SET until = app_clock()
FROM (SELECT * FROM portal_pauses FOR UPDATE) was
WHERE was.portal = p.portal AND p.portal = coalesce(CAST(:portal AS text), p.portal)
  AND (was.until IS NULL OR was.until > app_clock())
RETURNING was.portal, was.reason, was.paused_by, was.paused_at, was.until, was.times
