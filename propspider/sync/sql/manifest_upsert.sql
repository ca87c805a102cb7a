-- Writes the cards whose facts are new or changed; what a card does not say is kept. Arrays of one length, one entry a listing.
-- Runs before the sightings of these cards are stamped.
-- Parameters: portal, session_id, property_ids, source_urls, internal_ids, titles, types, latitudes, longitudes, exact, observed.
-- A URL that another one replaces is kept as an alias.
-- Compared here as well as below: ON CONFLICT locks, and so writes, each row that it finds, also where nothing is to be changed.
WITH changed AS MATERIALIZED (
    SELECT u.*, k.source_url AS known_url
    FROM unnest(CAST(:property_ids AS text[]), CAST(:source_urls AS text[]), CAST(:internal_ids AS text[]), CAST(:titles AS text[]),
                CAST(:types AS text[]), CAST(:latitudes AS float8[]), CAST(:longitudes AS float8[]), CAST(:exact AS boolean[]),
                CAST(:observed AS timestamptz[]))
             AS u (property_id, source_url, internal_id, title, property_type, latitude, longitude, exact_location, observed_at)
    LEFT JOIN property_manifest k ON k.property_id = u.property_id
    WHERE k.property_id IS NULL
       OR u.observed_at >= k.observed_at
          AND (u.source_url, coalesce(u.internal_id, k.internal_id), coalesce(u.title, k.listing_page_title),
               coalesce(u.property_type, k.property_type), coalesce(u.latitude, k.latitude), coalesce(u.longitude, k.longitude),
               coalesce(u.exact_location, k.exact_location))
              IS DISTINCT FROM
              (k.source_url, k.internal_id, k.listing_page_title, k.property_type, k.latitude, k.longitude, k.exact_location)
), renamed AS (
    INSERT INTO url_aliases (portal, property_id, url, kind, reason)
    SELECT :portal, u.property_id, u.known_url, 'certain', 'card'
    FROM changed u
    WHERE u.known_url <> u.source_url
      AND u.observed_at >= ALL (SELECT s.last_seen_at FROM manifest_sightings s WHERE s.property_id = u.property_id)
    ON CONFLICT (property_id, url) DO NOTHING
)
INSERT INTO property_manifest AS m
    (property_id, portal, source_url, internal_id, listing_page_title, property_type, latitude, longitude, exact_location,
     first_seen_at, first_seen_session_id, observed_at)
SELECT u.property_id, :portal, u.source_url, u.internal_id, u.title, u.property_type, u.latitude, u.longitude, u.exact_location,
       u.observed_at, CAST(:session_id AS uuid), u.observed_at
FROM changed u
ORDER BY u.property_id
ON CONFLICT (property_id) DO UPDATE
SET source_url = excluded.source_url,
    internal_id = coalesce(excluded.internal_id, m.internal_id),
    listing_page_title = coalesce(excluded.listing_page_title, m.listing_page_title),
    property_type = coalesce(excluded.property_type, m.property_type),
    latitude = coalesce(excluded.latitude, m.latitude),
    longitude = coalesce(excluded.longitude, m.longitude),
    exact_location = coalesce(excluded.exact_location, m.exact_location),
    observed_at = excluded.observed_at,
    updated_at = (SELECT app_now())
WHERE excluded.observed_at >= m.observed_at
  AND (m.source_url, m.internal_id, m.listing_page_title, m.property_type, m.latitude, m.longitude, m.exact_location)
      IS DISTINCT FROM
      (excluded.source_url, coalesce(excluded.internal_id, m.internal_id),
       coalesce(excluded.listing_page_title, m.listing_page_title), coalesce(excluded.property_type, m.property_type),
       coalesce(excluded.latitude, m.latitude), coalesce(excluded.longitude, m.longitude),
       coalesce(excluded.exact_location, m.exact_location))
  -- A later card that changed nothing left only its stamp.
  AND excluded.observed_at >= ALL (SELECT s.last_seen_at FROM manifest_sightings s WHERE s.property_id = m.property_id)
RETURNING property_id, (xmax = 0) AS inserted
