-- Edges of these listings that were not found again; returns what they led to. Parameters: property_ids, is_all (every listing's edges),
-- first_ids, second_ids (the pairs found). Indexes: pk_duplicate_edges, ix_duplicate_edges_b.
WITH gone AS (
    DELETE FROM duplicate_edges e
    WHERE (CAST(:is_all AS boolean)
           OR e.property_a = ANY (CAST(:property_ids AS text[])) OR e.property_b = ANY (CAST(:property_ids AS text[])))
      AND NOT EXISTS (
          SELECT 1 FROM unnest(CAST(:first_ids AS text[]), CAST(:second_ids AS text[])) found(first_id, second_id)
          WHERE found.first_id = e.property_a AND found.second_id = e.property_b)
    RETURNING e.property_a, e.property_b
)
SELECT property_a AS property_id FROM gone UNION SELECT property_b FROM gone
