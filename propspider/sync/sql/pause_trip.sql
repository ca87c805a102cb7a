-- A block pauses a portal for an hour, for twice as long each time it comes within 24 hours after the pause before, at most for
-- a day; real time. Parameters: portal, reason. A block while it is paused (of a crawl that was running beside) is the same one:
-- it lasts from then. No row: somebody has paused it until it is resumed, which stays.
INSERT INTO portal_pauses AS p (portal, reason, paused_by, until, times)
VALUES (:portal, :reason, 'breaker', app_clock() + interval '1 hour', 1)
ON CONFLICT (portal) DO UPDATE
SET reason = excluded.reason,
    paused_by = excluded.paused_by,
    paused_at = CASE WHEN p.until > app_clock() THEN p.paused_at ELSE app_clock() END,
    (times, until) = (
        SELECT n.times,
               greatest(p.until, app_clock() + least(interval '24 hours', interval '1 hour' * power(2, least(n.times, 6) - 1)))
        FROM (SELECT CASE WHEN p.until > app_clock() THEN greatest(p.times, 1)
                          WHEN p.until > app_clock() - interval '24 hours' THEN p.times + 1
                          ELSE 1 END AS times) n
    )
WHERE p.until IS NOT NULL
RETURNING portal, reason, paused_by, paused_at, until, times
