-- Live was written by something else than a detail page: the next detail read is compared value by value. Parameters: property_ids.
UPDATE property_state SET content_hash = NULL
WHERE property_id = ANY (CAST(:property_ids AS text[])) AND content_hash IS NOT NULL
