-- Pairs that wait for a person: probably one property, not in one group, and nobody has said anything of them. The likeliest first; what
-- the model has not judged goes by its score. Parameters: probable, likely (bits), portal (null = all), limit (null = all).
SELECT e.property_a, e.property_b, e.score, e.probability, e.reasons, a.title AS first_title, b.title AS second_title
FROM duplicate_edges e
LEFT JOIN property_group_members x ON x.property_id = e.property_a
LEFT JOIN property_group_members y ON y.property_id = e.property_b
LEFT JOIN properties_live a ON a.property_id = e.property_a
LEFT JOIN properties_live b ON b.property_id = e.property_b
WHERE CASE WHEN e.probability IS NULL THEN e.score >= CAST(:likely AS real) ELSE e.probability >= CAST(:probable AS real) END
  AND (x.group_id = y.group_id) IS NOT TRUE
  AND (CAST(:portal AS text) IS NULL OR :portal IN (a.portal, b.portal))
  AND NOT EXISTS (SELECT 1 FROM duplicate_decisions d
                  WHERE d.property_a = e.property_a AND d.property_b = e.property_b AND d.undone_at IS NULL AND d.replaced_by IS NULL)
ORDER BY e.probability DESC NULLS LAST, e.score DESC, e.property_a, e.property_b
LIMIT CAST(:limit AS bigint)
