-- Offers of listings that complete sweeps missed in the offer's scope while another scope still showed them. Parameters: portal,
-- min_missing, property_ids (null = all) and arrays of one length: scopes, operations. An offer that was missed before is among them
-- until a detail page was read. Indexes: ix_sweeps_complete, pk_manifest_sightings.
WITH walked AS (
    SELECT u.scope, u.operation, b.id AS bound
    FROM unnest(CAST(:scopes AS text[]), CAST(:operations AS text[])) AS u (scope, operation)
    CROSS JOIN LATERAL (
        SELECT id FROM sweeps WHERE portal = :portal AND scope = u.scope AND verdict = 'complete'
        ORDER BY id DESC OFFSET :min_missing - 1 LIMIT 1
    ) b
), behind AS MATERIALIZED (
    SELECT s.property_id, s.scope, w.operation
    FROM walked w
    JOIN manifest_sightings s ON s.portal = :portal AND s.scope = w.scope AND s.last_sweep < w.bound
    WHERE (CAST(:property_ids AS text[]) IS NULL OR s.property_id = ANY (CAST(:property_ids AS text[])))
      AND EXISTS (SELECT 1 FROM manifest_sightings other
                  WHERE other.property_id = s.property_id AND other.scope <> s.scope AND other.last_seen_at > s.last_seen_at)
)
SELECT o.property_id, o.operation, o.unit, o.missing_since IS NOT NULL AS is_missed, coalesce(sweep.completed_at, sweep.started_at) AS missed_at,
       coalesce(m.source_url, l.source_url) AS source_url
FROM behind
JOIN properties_live l ON l.property_id = behind.property_id AND l.status = 'active'
JOIN sighting_misses v ON v.property_id = behind.property_id AND v.scope = behind.scope AND v.missed >= :min_missing
JOIN sweeps sweep ON sweep.id = v.missed_sweeps[1]
JOIN property_state state ON state.property_id = behind.property_id
LEFT JOIN property_manifest m ON m.property_id = behind.property_id
JOIN property_offers o ON o.property_id = behind.property_id AND o.operation = behind.operation AND NOT o.is_withdrawn
WHERE o.observed_at < coalesce(sweep.completed_at, sweep.started_at)
  AND (o.missing_since IS NULL OR (o.missing_source = 'sweep' AND coalesce(state.observed_at < o.missing_since, true)))
  AND (state.given_up_at IS NULL OR state.given_up_at < coalesce(sweep.completed_at, sweep.started_at))
  AND EXISTS (SELECT 1 FROM sighting_misses other
              WHERE other.property_id = v.property_id AND other.scope = ANY (CAST(:scopes AS text[])) AND other.scope <> v.scope
                AND other.missed = 0 AND other.last_seen_at > v.last_seen_at)
  AND NOT EXISTS (SELECT 1 FROM sighting_misses same
                  JOIN unnest(CAST(:scopes AS text[]), CAST(:operations AS text[])) AS u (scope, operation) ON u.scope = same.scope
                  WHERE same.property_id = v.property_id AND same.scope <> v.scope AND u.operation = o.operation AND same.missed = 0)
ORDER BY o.property_id, o.operation, o.unit
