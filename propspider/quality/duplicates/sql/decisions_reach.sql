-- All decisions that count about these listings and what persons joined to them, however far. Parameters: property_ids.
-- Indexes: uq_duplicate_decisions_pair, ix_duplicate_decisions_b.
WITH RECURSIVE reached AS (
    SELECT unnest(CAST(:property_ids AS text[])) AS property_id
    UNION
    SELECT next.property_id
    FROM reached
    CROSS JOIN LATERAL (
        SELECT d.property_b AS property_id FROM duplicate_decisions d
        WHERE d.property_a = reached.property_id AND d.verdict = 'together' AND d.undone_at IS NULL AND d.replaced_by IS NULL
        UNION ALL
        SELECT d.property_a FROM duplicate_decisions d
        WHERE d.property_b = reached.property_id AND d.verdict = 'together' AND d.undone_at IS NULL AND d.replaced_by IS NULL
    ) next
)
SELECT d.property_a, d.property_b, d.verdict
FROM duplicate_decisions d
WHERE d.property_a IN (SELECT property_id FROM reached) AND d.undone_at IS NULL AND d.replaced_by IS NULL
