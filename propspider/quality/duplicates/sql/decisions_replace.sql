-- An earlier word about these pairs gives way to a new one. Parameters: action (the new one), first_ids, second_ids.
-- Indexes: uq_duplicate_decisions_pair.
UPDATE duplicate_decisions d SET replaced_by = CAST(:action AS bigint)
FROM unnest(CAST(:first_ids AS text[]), CAST(:second_ids AS text[])) given(first_id, second_id)
WHERE d.property_a = given.first_id AND d.property_b = given.second_id AND d.undone_at IS NULL AND d.replaced_by IS NULL
