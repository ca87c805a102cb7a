-- Listings that were seen alive most recently, on a listing page or their own, within 24 hours. Parameters: portal, limit, without
-- (property_ids). One whose page could not be read when it was last asked for is none. Looks at the newest pages only: no index holds a sighting's stamp. Indexes: pk_sweep_pages, ix_property_state_stale.
WITH pages AS (
    SELECT p.property_ids, p.observed_at
    FROM sweep_pages p JOIN sweeps w ON w.id = p.sweep_id
    WHERE w.portal = :portal
    ORDER BY p.id DESC LIMIT 20
), seen AS (
    SELECT property_id, observed_at FROM pages CROSS JOIN LATERAL unnest(property_ids) AS u (property_id)
    UNION ALL
    (SELECT property_id, observed_at FROM property_state
     WHERE portal = :portal AND observed_at IS NOT NULL ORDER BY observed_at DESC LIMIT 200)
)
SELECT l.property_id, coalesce(m.source_url, l.source_url) AS source_url, max(seen.observed_at) AS seen_at
FROM seen
JOIN properties_live l ON l.property_id = seen.property_id AND l.listing_status = 'active'
JOIN property_state s ON s.property_id = l.property_id AND coalesce(s.last_attempt_at <= s.observed_at, true)
LEFT JOIN property_manifest m ON m.property_id = l.property_id
WHERE seen.observed_at > (SELECT app_now()) - interval '24 hours'
  AND l.property_id <> ALL (CAST(:without AS text[]))
  AND NOT EXISTS (SELECT 1 FROM removal_cases c WHERE c.property_id = l.property_id AND c.status IN ('open', 'quarantined'))
GROUP BY l.property_id, m.source_url, l.source_url
ORDER BY seen_at DESC, l.property_id
LIMIT :limit
