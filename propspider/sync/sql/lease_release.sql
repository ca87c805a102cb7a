-- Lets the next one in at once. Parameters: name, fence.
UPDATE leases SET ttl_seconds = 0, beat_at = clock_timestamp() WHERE name = :name AND fence = :fence
