-- Stamps sightings; a stamp only grows. Parameters: portal, property_ids, scopes, sweeps, pages, seen, priced, places (arrays of one length).
INSERT INTO manifest_sightings AS s (property_id, scope, portal, last_sweep, last_seen_at, last_priced_at, place, page_number)
SELECT u.property_id, u.scope, :portal, u.sweep, u.seen_at, u.priced_at, u.place, u.page
FROM unnest(CAST(:property_ids AS text[]), CAST(:scopes AS text[]), CAST(:sweeps AS bigint[]), CAST(:pages AS integer[]),
            CAST(:seen AS timestamptz[]), CAST(:priced AS timestamptz[]), CAST(:places AS text[]))
         AS u (property_id, scope, sweep, page, seen_at, priced_at, place)
ORDER BY u.property_id, u.scope
ON CONFLICT (property_id, scope) DO UPDATE
SET last_sweep = greatest(s.last_sweep, excluded.last_sweep),
    last_seen_at = greatest(s.last_seen_at, excluded.last_seen_at),
    last_priced_at = greatest(s.last_priced_at, excluded.last_priced_at),
    place = coalesce(excluded.place, s.place),
    page_number = CASE WHEN excluded.last_seen_at >= s.last_seen_at THEN excluded.page_number ELSE s.page_number END
