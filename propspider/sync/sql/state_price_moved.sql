-- Listings whose list price moved far enough for a request: a need until a later detail page is stored.
-- Parameters: property_ids, moved (arrays of one length).
UPDATE property_state s SET price_moved_at = greatest(s.price_moved_at, u.moved_at)
FROM unnest(CAST(:property_ids AS text[]), CAST(:moved AS timestamptz[])) AS u (property_id, moved_at)
WHERE s.property_id = u.property_id
