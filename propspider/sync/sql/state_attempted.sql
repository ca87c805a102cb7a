-- Notes failed attempts. Parameters: property_ids.
UPDATE property_state SET last_attempt_at = (SELECT app_now()) WHERE property_id = ANY (CAST(:property_ids AS text[]))
