-- Lets a request go when its host is not held and was not asked within the delay; real time. Parameters: host, delay (seconds).
-- No row: not now.
UPDATE host_pacing
SET asked_at = app_clock()
WHERE host = :host
  AND coalesce(hold_until <= app_clock(), true)
  AND coalesce(asked_at + make_interval(secs => :delay) <= app_clock(), true)
RETURNING host
