-- Listings of live that enough complete sweeps missed in every scope where they were ever seen, and that have no open case.
-- Parameters: portal, min_missing, scopes (those that the portal still has: another one is never swept again), property_ids
-- (null = all), limit (null = all). The stamps are compared with one sweep a scope first; only what lies behind it is counted exactly.
-- Indexes: ix_sweeps_complete, pk_manifest_sightings.
WITH bounds AS (
    SELECT scope, id AS sweep
    FROM (SELECT scope, id, row_number() OVER (PARTITION BY scope ORDER BY id DESC) AS place
          FROM sweeps WHERE portal = :portal AND verdict = 'complete') complete
    WHERE place = :min_missing
), behind AS MATERIALIZED (
    SELECT s.property_id
    FROM manifest_sightings s
    LEFT JOIN bounds b ON b.scope = s.scope
    WHERE s.portal = :portal AND s.scope = ANY (CAST(:scopes AS text[]))
      AND (CAST(:property_ids AS text[]) IS NULL OR s.property_id = ANY (CAST(:property_ids AS text[])))
    GROUP BY s.property_id
    HAVING bool_and(coalesce(s.last_sweep < b.sweep, false))
)
SELECT l.property_id, missing.scope
FROM behind
JOIN properties_live l ON l.property_id = behind.property_id AND l.listing_status IN ('active', 'likely_removed', 'relisted')
CROSS JOIN LATERAL (
    SELECT min(v.missed) AS times, (array_agg(v.scope ORDER BY v.last_seen_at DESC, v.scope))[1] AS scope
    FROM sighting_misses v
    WHERE v.property_id = l.property_id AND v.scope = ANY (CAST(:scopes AS text[]))
) missing
WHERE missing.times >= :min_missing
  AND NOT EXISTS (SELECT 1 FROM removal_cases c WHERE c.property_id = l.property_id AND c.status IN ('open', 'quarantined'))
ORDER BY l.property_id
LIMIT :limit
