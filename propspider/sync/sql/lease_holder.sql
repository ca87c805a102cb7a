-- Who holds a lease. Parameters: name.
SELECT holder, extract(epoch FROM clock_timestamp() - beat_at)::float8 AS silent_seconds FROM leases WHERE name = :name
