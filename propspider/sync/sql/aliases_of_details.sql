-- The URLs that live rows had before a detail page brought another one. Parameters: session_id, property_ids (written just now).
-- Index: ix_property_changes_property.
INSERT INTO url_aliases (portal, property_id, url, kind, reason)
SELECT portal, property_id, old_value #>> '{}', 'certain', 'detail page'
FROM property_changes
WHERE property_id = ANY (CAST(:property_ids AS text[])) AND session_id = :session_id AND field_name = 'source_url'
ON CONFLICT (property_id, url) DO NOTHING
