-- What staged pages clear without stating it. Parameters: session_id, property_ids, names (one comma-separated text a page).
UPDATE property_scrapes_staging s
SET cleared = string_to_array(u.names, ',')
FROM unnest(CAST(:property_ids AS text[]), CAST(:names AS text[])) AS u (property_id, names)
WHERE s.session_id = :session_id AND s.property_id = u.property_id
