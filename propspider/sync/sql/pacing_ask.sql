-- Lets a request go when its host is not held and was not asked within the delay; real time. Parameters: host, delay (seconds).
-- No row: not now.
UPDATE host_pacing
SET asked_at = clock_timestamp()
WHERE host = :host
  AND coalesce(hold_until <= clock_timestamp(), true)
  AND coalesce(asked_at + make_interval(secs => :delay) <= clock_timestamp(), true)
RETURNING host
