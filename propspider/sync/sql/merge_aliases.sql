-- Parameters: old, new.
WITH moved AS (DELETE FROM url_aliases WHERE property_id = :old RETURNING portal, url, kind, other_property_id, reason, created_at)
INSERT INTO url_aliases (portal, property_id, url, kind, other_property_id, reason, created_at)
SELECT portal, :new, url, kind, other_property_id, reason, created_at FROM moved
ON CONFLICT (property_id, url) DO NOTHING
