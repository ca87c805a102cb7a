-- What joins these listings: evidence that groups by itself, and what persons said (a verdict, and no score).
-- Parameters: property_ids, automatic (bits).
SELECT e.property_a, e.property_b, e.score, NULL AS verdict
FROM duplicate_edges e
WHERE e.property_a = ANY (CAST(:property_ids AS text[])) AND e.score >= CAST(:automatic AS real)
UNION ALL
SELECT d.property_a, d.property_b, NULL, d.verdict
FROM duplicate_decisions d
WHERE d.property_a = ANY (CAST(:property_ids AS text[])) AND d.undone_at IS NULL AND d.replaced_by IS NULL
