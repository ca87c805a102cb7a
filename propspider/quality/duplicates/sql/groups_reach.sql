-- All that hangs together with these listings, by evidence that groups by itself, by what persons put together, and by the groups they
-- are in now. Parameters: property_ids, automatic (bits). Indexes: pk_duplicate_edges, ix_duplicate_edges_b,
-- uq_duplicate_decisions_pair, ix_duplicate_decisions_b, ix_property_group_members_group.
WITH RECURSIVE reached AS (
    SELECT unnest(CAST(:property_ids AS text[])) AS property_id
    UNION
    SELECT next.property_id
    FROM reached
    CROSS JOIN LATERAL (
        SELECT e.property_b AS property_id FROM duplicate_edges e
        WHERE e.property_a = reached.property_id AND e.score >= CAST(:automatic AS real)
        UNION ALL
        SELECT e.property_a FROM duplicate_edges e WHERE e.property_b = reached.property_id AND e.score >= CAST(:automatic AS real)
        UNION ALL
        SELECT d.property_b FROM duplicate_decisions d
        WHERE d.property_a = reached.property_id AND d.verdict = 'together' AND d.undone_at IS NULL AND d.replaced_by IS NULL
        UNION ALL
        SELECT d.property_a FROM duplicate_decisions d
        WHERE d.property_b = reached.property_id AND d.verdict = 'together' AND d.undone_at IS NULL AND d.replaced_by IS NULL
        UNION ALL
        SELECT other.property_id FROM property_group_members own
        JOIN property_group_members other ON other.group_id = own.group_id
        WHERE own.property_id = reached.property_id
    ) next
)
SELECT property_id FROM reached
