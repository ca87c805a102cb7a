-- Parameters: first_ids, second_ids, scores, reasons (jsonb as text).
INSERT INTO duplicate_edges AS known (property_a, property_b, score, reasons)
SELECT given.first_id, given.second_id, given.score, given.reasons
FROM unnest(CAST(:first_ids AS text[]), CAST(:second_ids AS text[]), CAST(:scores AS real[]), CAST(:reasons AS jsonb[]))
    given(first_id, second_id, score, reasons)
ON CONFLICT (property_a, property_b) DO UPDATE SET score = excluded.score, reasons = excluded.reasons
WHERE known.score <> excluded.score OR known.reasons <> excluded.reasons
