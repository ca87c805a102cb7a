-- Counts per portal and scope, and with scope null per portal, where a listing of two scopes counts once. Parameters: portal (null = all).
SELECT s.portal, s.scope,
       count(DISTINCT s.property_id) AS listings,
       count(DISTINCT s.property_id) FILTER (WHERE s.last_sweep = newest.sweep) AS seen_in_last_sweep,
       count(DISTINCT s.property_id) FILTER (WHERE m.is_new) AS new,
       count(DISTINCT s.property_id) FILTER (WHERE m.needs_full_scrape) AS needing_a_scrape,
       count(DISTINCT s.property_id) FILTER (WHERE m.price_changed) AS price_changed,
       count(DISTINCT s.property_id) FILTER (WHERE m.listing_page_price IS NULL) AS without_price,
       min(s.last_seen_at) AS oldest_sighting,
       max(s.last_seen_at) AS newest_sighting
FROM manifest_sightings s
JOIN manifest_status m ON m.property_id = s.property_id
LEFT JOIN (SELECT portal, scope, max(id) AS sweep FROM sweeps GROUP BY portal, scope) newest
    ON newest.portal = s.portal AND newest.scope = s.scope
WHERE CAST(:portal AS text) IS NULL OR s.portal = :portal
GROUP BY GROUPING SETS ((s.portal, s.scope), (s.portal))
ORDER BY s.portal, s.scope NULLS LAST
