-- When stored listing pages showed these listings. Parameters: portal, property_ids, since, until.
SELECT seen.property_id, p.observed_at
FROM sweep_pages p
JOIN sweeps w ON w.id = p.sweep_id
CROSS JOIN LATERAL unnest(p.property_ids) AS seen (property_id)
WHERE w.portal = :portal AND p.observed_at >= CAST(:since AS timestamptz) AND p.observed_at < CAST(:until AS timestamptz)
  AND seen.property_id = ANY (CAST(:property_ids AS text[]))
ORDER BY p.observed_at
