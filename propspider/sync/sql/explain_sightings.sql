-- Where a listing was last seen; `missed` counts the complete walks of that scope since. Parameters: property_id.
SELECT s.scope, s.page_number, s.last_seen_at, s.last_priced_at, s.last_sweep,
       (SELECT count(*) FROM sweeps w
        WHERE w.portal = s.portal AND w.scope = s.scope AND w.id > s.last_sweep AND w.verdict = 'complete') AS missed
FROM manifest_sightings s
WHERE s.property_id = :property_id
ORDER BY s.scope
