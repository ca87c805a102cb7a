-- Parameters: old, new.
INSERT INTO manifest_sightings AS s (property_id, scope, portal, last_sweep, last_seen_at, last_priced_at, page_number)
SELECT :new, scope, portal, last_sweep, last_seen_at, last_priced_at, page_number
FROM manifest_sightings WHERE property_id = :old
ON CONFLICT (property_id, scope) DO UPDATE
SET last_sweep = greatest(s.last_sweep, excluded.last_sweep),
    last_seen_at = greatest(s.last_seen_at, excluded.last_seen_at),
    last_priced_at = greatest(s.last_priced_at, excluded.last_priced_at)
