-- Parameters: property_ids.
SELECT property_id, first_seen_at FROM properties_live WHERE property_id = ANY (CAST(:property_ids AS text[]))
