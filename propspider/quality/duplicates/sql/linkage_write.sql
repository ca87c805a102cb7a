-- Parameters: first_ids, second_ids, probabilities.
UPDATE duplicate_edges e SET probability = given.probability
FROM unnest(CAST(:first_ids AS text[]), CAST(:second_ids AS text[]), CAST(:probabilities AS real[])) given(first_id, second_id, probability)
WHERE e.property_a = given.first_id AND e.property_b = given.second_id AND e.probability IS DISTINCT FROM given.probability
