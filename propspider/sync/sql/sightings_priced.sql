-- When a listing page last showed prices of locked listings. Parameters: property_ids.
SELECT property_id, max(last_priced_at) FROM manifest_sightings
WHERE property_id = ANY (CAST(:property_ids AS text[])) AND last_priced_at IS NOT NULL
GROUP BY property_id
