-- Something that is no page of theirs says that listings are there. Parameters: property_ids, present_at.
UPDATE property_state SET present_at = greatest(present_at, CAST(:present_at AS timestamptz))
WHERE property_id = ANY (CAST(:property_ids AS text[]))
