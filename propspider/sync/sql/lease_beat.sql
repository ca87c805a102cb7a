-- Its holder is alive. Parameters: name, fence.
UPDATE leases SET beat_at = clock_timestamp() WHERE name = :name AND fence = :fence
