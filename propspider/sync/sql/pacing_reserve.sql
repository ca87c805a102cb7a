-- Reserves the next moment at which a host may be asked, for all processes; real time. Parameters: host, delay (seconds),
-- longest_hold (seconds). Returns the seconds to wait from now; no row, and no reservation, while the host is held for longer.
-- A delay that grew (robots.txt, portal.toml) holds from this request on.
INSERT INTO host_pacing AS p (host, next_at, delay_seconds)
VALUES (:host, app_clock() + make_interval(secs => :delay), :delay)
ON CONFLICT (host) DO UPDATE
SET next_at = greatest(p.next_at, p.hold_until, app_clock()) + make_interval(secs => :delay),
    delay_seconds = excluded.delay_seconds
WHERE p.hold_until IS NULL OR p.hold_until <= app_clock() + make_interval(secs => :longest_hold)
RETURNING extract(epoch FROM p.next_at - make_interval(secs => :delay) - app_clock())::float8 AS wait_seconds, p.strikes
