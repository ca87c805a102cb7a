-- Removal cases with what their evidence weighs, the newest first. Parameters: portal, property_id, open_only (boolean), limit (each
-- null = all but open_only). `missed`: complete sweeps that have missed the listing by now, in the scope that missed it least.
SELECT c.id, c.portal, c.property_id, l.listing_status, c.status, c.outcome, c.scope, e.sweeps, coalesce(e.weight, 0) AS weight,
       e.last_finding, e.last_asked_at, c.opened_at, c.decided_at, c.decided_by, c.sync_run_id,
       (SELECT min(v.missed) FROM sighting_misses v WHERE v.property_id = c.property_id) AS missed,
       l.title, l.source_url
FROM (
    SELECT * FROM removal_cases
    WHERE (CAST(:portal AS text) IS NULL OR portal = :portal)
      AND (CAST(:property_id AS text) IS NULL OR property_id = :property_id)
      AND (NOT CAST(:open_only AS boolean) OR status IN ('open', 'quarantined'))
    ORDER BY id DESC
    LIMIT :limit
) c
LEFT JOIN properties_live l ON l.property_id = c.property_id
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE method = 'sweep') AS sweeps, sum(weight) AS weight,
           (array_agg(finding ORDER BY id DESC) FILTER (WHERE method IN ('HEAD', 'GET')))[1] AS last_finding,
           max(observed_at) FILTER (WHERE method IN ('HEAD', 'GET')) AS last_asked_at
    FROM removal_evidence WHERE case_id = c.id
) e ON true
ORDER BY c.id DESC
