-- What was found of a group: among its members, and between one of them and a listing outside. Parameters: property_ids (the members).
SELECT e.property_a, e.property_b, e.score, e.probability, e.reasons
FROM duplicate_edges e
WHERE e.property_a = ANY (CAST(:property_ids AS text[])) OR e.property_b = ANY (CAST(:property_ids AS text[]))
ORDER BY e.score DESC, e.property_a, e.property_b
