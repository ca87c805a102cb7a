-- What persons said of listings, taken back or not, the last first. Parameters: property_ids.
SELECT d.action, d.verdict, d.decided_by, d.decided_at, d.undone_at, d.replaced_by,
       array_agg(d.property_a || ' ' || d.property_b ORDER BY d.property_a, d.property_b) AS pairs
FROM duplicate_decisions d
WHERE d.property_a = ANY (CAST(:property_ids AS text[])) OR d.property_b = ANY (CAST(:property_ids AS text[]))
GROUP BY d.action, d.verdict, d.decided_by, d.decided_at, d.undone_at, d.replaced_by
ORDER BY d.action DESC
