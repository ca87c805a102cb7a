-- Candidates that turned out equal to live. Parameters: session_id, property_ids.
UPDATE property_scrapes_staging SET change_type = 'unchanged'
WHERE session_id = :session_id AND property_id = ANY (CAST(:property_ids AS text[]))
