-- Where a listing was last seen; `missed` counts the complete sweeps of that scope since. Parameters: property_id.
SELECT s.scope, s.page_number, s.last_seen_at, s.last_priced_at, s.last_sweep, v.missed
FROM manifest_sightings s
JOIN sighting_misses v ON v.property_id = s.property_id AND v.scope = s.scope
WHERE s.property_id = :property_id
ORDER BY s.scope
