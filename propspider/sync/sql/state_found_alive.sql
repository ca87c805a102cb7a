-- Notes that listings are there, whatever their pages were worth. Parameters: property_ids, present (arrays of one length).
UPDATE property_state s SET present_at = greatest(s.present_at, u.present_at)
FROM unnest(CAST(:property_ids AS text[]), CAST(:present AS timestamptz[])) AS u (property_id, present_at)
WHERE s.property_id = u.property_id
