-- Opens a case for each of these locked listings, with the newest sweeps that missed it as evidence. Parameters: portal, walked (the
-- portal's scopes), sweep_weight, sweeps_at_most and arrays of one length: property_ids, scopes.
-- Returns the listings and when the newest of these sweeps began.
WITH opened AS (
    INSERT INTO removal_cases (property_id, portal, scope)
    SELECT u.property_id, :portal, u.scope
    FROM unnest(CAST(:property_ids AS text[]), CAST(:scopes AS text[])) AS u (property_id, scope)
    ORDER BY u.property_id
    ON CONFLICT (property_id) WHERE status IN ('open', 'quarantined') DO NOTHING
    RETURNING id, property_id
), missed AS (
    SELECT o.id AS case_id, o.property_id, w.id AS sweep_id, w.scope, w.session_id, w.started_at,
           coalesce(w.completed_at, w.started_at) AS observed_at,
           row_number() OVER (PARTITION BY o.id ORDER BY w.id DESC) AS place
    FROM opened o
    JOIN sighting_misses v ON v.property_id = o.property_id AND v.scope = ANY (CAST(:walked AS text[]))
    CROSS JOIN LATERAL unnest(v.missed_sweeps) AS m (sweep_id)
    JOIN sweeps w ON w.id = m.sweep_id
), evidence AS (
    INSERT INTO removal_evidence (case_id, method, finding, weight, detail, sweep_id, session_id, observed_at)
    SELECT case_id, 'sweep', 'missing',
           CASE WHEN place * CAST(:sweep_weight AS numeric) <= CAST(:sweeps_at_most AS numeric)
                THEN CAST(:sweep_weight AS numeric) ELSE 0 END,
           scope, sweep_id, session_id, observed_at
    FROM missed WHERE place <= 10
)
SELECT property_id, max(started_at) AS observed_at FROM missed GROUP BY property_id
