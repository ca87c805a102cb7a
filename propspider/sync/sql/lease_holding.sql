-- Leases of these names that somebody holds now. Parameters: names.
SELECT name, holder, fence, extract(epoch FROM clock_timestamp() - beat_at)::float8 AS silent_seconds
FROM leases
WHERE name = ANY (CAST(:names AS text[])) AND beat_at + make_interval(secs => ttl_seconds) >= clock_timestamp()
ORDER BY name
