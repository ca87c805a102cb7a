-- Takes a lease that is free or whose holder has been silent for its ttl. Parameters: name, holder, ttl (seconds). No row: it is held.
-- A released lease keeps its row, for its fence must never come back.
INSERT INTO leases AS l (name, holder, fence, ttl_seconds) VALUES (:name, :holder, 1, :ttl)
ON CONFLICT (name) DO UPDATE
SET holder = excluded.holder, fence = l.fence + 1, beat_at = clock_timestamp(), ttl_seconds = excluded.ttl_seconds
WHERE l.beat_at + make_interval(secs => l.ttl_seconds) < clock_timestamp()
RETURNING fence
