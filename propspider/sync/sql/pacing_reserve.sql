-- Reserves the next moment at which a host may be asked, for all processes; real time. Parameters: host, delay (seconds).
-- Returns the seconds to wait from now. A delay that grew (robots.txt, portal.toml) holds from this request on.
INSERT INTO host_pacing AS p (host, next_at, delay_seconds)
VALUES (:host, clock_timestamp() + make_interval(secs => :delay), :delay)
ON CONFLICT (host) DO UPDATE
SET next_at = greatest(p.next_at, clock_timestamp()) + make_interval(secs => :delay), delay_seconds = excluded.delay_seconds
RETURNING extract(epoch FROM p.next_at - make_interval(secs => :delay) - clock_timestamp())::float8 AS wait_seconds
