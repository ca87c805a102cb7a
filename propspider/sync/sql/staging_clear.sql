-- A session that reads a listing twice keeps the later read. Parameters: session_id, property_ids.
DELETE FROM property_scrapes_staging
WHERE session_id = :session_id AND property_id = ANY (CAST(:property_ids AS text[]))
