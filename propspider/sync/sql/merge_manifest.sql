-- The card of a provisional listing becomes its public id's, unless that has one: then it lends the internal number and its first sight.
-- Parameters: old, new.
INSERT INTO property_manifest AS m
    (property_id, portal, source_url, internal_id, listing_page_title, property_type, latitude, longitude, exact_location,
     first_seen_at, first_seen_session_id, observed_at)
SELECT :new, portal, source_url, internal_id, listing_page_title, property_type, latitude, longitude, exact_location,
       first_seen_at, first_seen_session_id, observed_at
FROM property_manifest WHERE property_id = :old
ON CONFLICT (property_id) DO UPDATE
SET internal_id = coalesce(m.internal_id, excluded.internal_id),
    first_seen_session_id = CASE WHEN excluded.first_seen_at < m.first_seen_at
                                 THEN excluded.first_seen_session_id ELSE m.first_seen_session_id END,
    first_seen_at = least(m.first_seen_at, excluded.first_seen_at)
