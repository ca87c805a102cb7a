-- Every listing page on which a listing was seen, newest first. Parameters: property_id, portal.
SELECT w.scope, p.page, p.observed_at, w.id AS sweep, w.verdict, array_position(p.property_ids, :property_id) AS place, p.url
FROM sweep_pages p
JOIN sweeps w ON w.id = p.sweep_id
WHERE w.portal = :portal AND p.property_ids @> ARRAY[CAST(:property_id AS text)]
ORDER BY p.observed_at DESC, p.id DESC
