-- How many removals are usual in scopes between two complete sweeps, and how many there were since the last. Parameters: portal,
-- scopes, share, at_least. Until 8 complete sweeps exist a share of the scope's listings is usual, then what the last 20 intervals
-- say: mean + 3 standard deviations. What a person approved is not usual, so one approval does not loosen the next.
-- Indexes: ix_sweeps_complete, ix_removal_cases_decided.
WITH complete AS (
    SELECT scope, id, distinct_listings, coalesce(completed_at, started_at) AS ended_at,
           lag(coalesce(completed_at, started_at)) OVER (PARTITION BY scope ORDER BY id) AS before,
           row_number() OVER (PARTITION BY scope ORDER BY id DESC) AS place,
           count(*) OVER (PARTITION BY scope) AS sweeps
    FROM sweeps
    WHERE portal = :portal AND verdict = 'complete' AND scope = ANY (CAST(:scopes AS text[]))
), history AS (
    SELECT c.scope, avg(past.removals) + 3 * coalesce(stddev_samp(past.removals), 0) AS bound
    FROM complete c
    CROSS JOIN LATERAL (
        SELECT count(*) AS removals FROM removal_cases r
        WHERE r.portal = :portal AND r.scope = c.scope AND r.status = 'confirmed' AND r.decided_by = 'verification'
          AND r.decided_at > c.before AND r.decided_at <= c.ended_at
    ) past
    WHERE c.place <= 20 AND c.before IS NOT NULL
    GROUP BY c.scope
)
SELECT asked.scope,
       floor(greatest(:at_least, CASE WHEN last.sweeps >= 8 THEN history.bound ELSE CAST(:share AS float8) * coalesce(
           last.distinct_listings,
           (SELECT count(*) FROM manifest_sightings s
            JOIN properties_live l ON l.property_id = s.property_id AND l.status = 'active'
            WHERE s.portal = :portal AND s.scope = asked.scope)) END))::integer AS usual,
       (SELECT count(*) FROM removal_cases r
        WHERE r.portal = :portal AND r.scope = asked.scope AND r.status = 'confirmed' AND r.decided_by = 'verification'
          AND r.decided_at > coalesce(last.ended_at, '-infinity')) AS confirmed
FROM unnest(CAST(:scopes AS text[])) AS asked (scope)
LEFT JOIN complete last ON last.scope = asked.scope AND last.place = 1
LEFT JOIN history ON history.scope = asked.scope
