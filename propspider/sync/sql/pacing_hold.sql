-- A host answered "too busy": nobody asks it for so long; real time. Parameters: host, seconds (null: the host did not say),
-- least (seconds: the first hold of a host that does not say), longest (seconds, of such holds).
-- What comes while it is held answers requests of before: that is no further strike.
INSERT INTO host_pacing AS p (host, next_at, delay_seconds, hold_until, strikes)
VALUES (
    :host, app_clock(), 0,
    app_clock() + make_interval(secs => coalesce(CAST(:seconds AS double precision), CAST(:least AS double precision))), 1
)
ON CONFLICT (host) DO UPDATE
SET hold_until = greatest(p.hold_until, app_clock() + make_interval(secs => coalesce(
        CAST(:seconds AS double precision),
        CASE WHEN p.hold_until > app_clock() THEN 0
             ELSE least(CAST(:longest AS double precision),
                        greatest(4 * p.delay_seconds::float8, CAST(:least AS double precision)) * power(2, least(p.strikes, 20)))
        END))),
    strikes = p.strikes + CASE WHEN p.hold_until > app_clock() THEN 0 ELSE 1 END
RETURNING extract(epoch FROM p.hold_until - app_clock())::float8 AS held_seconds
