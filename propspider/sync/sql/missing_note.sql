-- Since when locked listings miss what live has. Parameters: property_ids, marks (jsonb as text, null: nothing is missed).
UPDATE property_state s
SET missing_since = CAST(u.marks AS jsonb)
FROM unnest(CAST(:property_ids AS text[]), CAST(:marks AS text[])) AS u (property_id, marks)
WHERE s.property_id = u.property_id
