-- Listings once stored that have no row now: first rows of live, and listings on stored listing pages, provisional ids aside (they are
-- merged when a page tells the listing's own). Parameters: portal.
SELECT c.property_id FROM property_changes c
WHERE c.portal = :portal AND c.change_type = 'created'
  AND NOT EXISTS (SELECT 1 FROM properties_live l WHERE l.property_id = c.property_id)
UNION
SELECT seen.property_id
FROM sweep_pages p
JOIN sweeps w ON w.id = p.sweep_id
CROSS JOIN LATERAL unnest(p.property_ids) AS seen (property_id)
WHERE w.portal = :portal AND seen.property_id NOT LIKE '%:~%'
  AND NOT EXISTS (SELECT 1 FROM property_manifest m WHERE m.property_id = seen.property_id)
