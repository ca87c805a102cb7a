-- Somebody pauses a portal; real time. Parameters: portal ('*': all), reason, by, until (null: until it is resumed).
-- How often it was blocked before is kept for a day, as the breaker does.
INSERT INTO portal_pauses AS p (portal, reason, paused_by, until, times)
VALUES (:portal, :reason, :by, CAST(:until AS timestamptz), 0)
ON CONFLICT (portal) DO UPDATE
SET reason = excluded.reason,
    paused_by = excluded.paused_by,
    paused_at = app_clock(),
    until = excluded.until,
    times = CASE WHEN p.until < app_clock() - interval '24 hours' THEN 0 ELSE p.times END
RETURNING portal, reason, paused_by, paused_at, until, times
