-- For how long a host is still held, and not to be asked because of the last request; real time, negative when that is over.
-- Parameters: host, delay (seconds).
SELECT extract(epoch FROM hold_until - app_clock())::float8 AS held_seconds,
       extract(epoch FROM asked_at + make_interval(secs => :delay) - app_clock())::float8 AS early_seconds
FROM host_pacing
WHERE host = :host
