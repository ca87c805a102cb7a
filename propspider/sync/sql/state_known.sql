-- What is known of locked listings; run after state_lock, so that its snapshot is newer than the locks. Parameters: property_ids.
SELECT s.property_id,
       s.content_hash,
       s.observed_at AS detail_at,
       l.property_id IS NOT NULL AS is_live,
       l.listing_status,
       s.status_at,
       (SELECT max(last_priced_at) FROM manifest_sightings m WHERE m.property_id = s.property_id) AS priced_at
FROM property_state s
LEFT JOIN properties_live l ON l.property_id = s.property_id
WHERE s.property_id = ANY (CAST(:property_ids AS text[]))
