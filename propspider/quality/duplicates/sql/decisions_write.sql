-- What a person says of pairs. Parameters: action, first_ids, second_ids, verdict, decided_by.
INSERT INTO duplicate_decisions (action, property_a, property_b, verdict, decided_by)
SELECT CAST(:action AS bigint), given.first_id, given.second_id, CAST(:verdict AS text), CAST(:decided_by AS text)
FROM unnest(CAST(:first_ids AS text[]), CAST(:second_ids AS text[])) given(first_id, second_id)
