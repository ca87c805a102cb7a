-- Parameters: property_ids.
DELETE FROM duplicate_blocks WHERE property_id = ANY (CAST(:property_ids AS text[]))
