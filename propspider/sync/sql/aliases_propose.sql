-- Listings that seem to be listed anew under another id: one that is missing or gone, and one that was first seen after the last
-- sighting of it, at the same exact place, of the same type and address and at the same price. Nothing is merged; what was rejected is
-- not proposed again. Parameters: portal, within_m (metres), price_share, since (interval: how long ago it became missing at most).
-- Indexes: ix_properties_live_listing_status, ix_properties_live_location.
INSERT INTO url_aliases (portal, property_id, url, kind, other_property_id, reason)
SELECT DISTINCT ON (o.property_id, n.property_id)
       o.portal, o.property_id, n.source_url, 'proposed', n.property_id,
       'same place (' || round(cube_distance(o.location, n.location)) || ' m), price, type and address'
FROM properties_live o
JOIN property_state s ON s.property_id = o.property_id AND s.status_at > (SELECT app_now()) - CAST(:since AS interval)
JOIN properties_live n
    ON n.location <@ cube_enlarge(o.location, CAST(:within_m AS float8), 3)
   AND n.portal = o.portal AND n.property_id <> o.property_id AND n.listing_status IN ('active', 'relisted')
   AND n.property_type = o.property_type AND n.exact_location
WHERE o.portal = :portal AND o.listing_status IN ('likely_removed', 'confirmed_removed') AND o.exact_location
  AND cube_distance(o.location, n.location) <= CAST(:within_m AS float8)
  AND n.first_seen_at > (SELECT max(seen.last_seen_at) FROM manifest_sightings seen WHERE seen.property_id = o.property_id)
  AND btrim(regexp_replace(lower(o.address), '\W+', ' ', 'g')) <> ''
  AND btrim(regexp_replace(lower(o.address), '\W+', ' ', 'g')) = btrim(regexp_replace(lower(n.address), '\W+', ' ', 'g'))
  AND EXISTS (
      SELECT 1 FROM property_offers a
      JOIN property_offers b ON b.property_id = n.property_id AND b.operation = a.operation AND b.unit = a.unit
          AND b.currency = a.currency AND abs(b.amount - a.amount) <= a.amount * CAST(:price_share AS numeric)
      WHERE a.property_id = o.property_id AND NOT b.is_withdrawn)
  AND NOT EXISTS (SELECT 1 FROM url_aliases known
                  WHERE known.property_id = o.property_id AND known.other_property_id = n.property_id)
ORDER BY o.property_id, n.property_id
ON CONFLICT (property_id, url) DO NOTHING
RETURNING id
