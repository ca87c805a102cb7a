-- Other URLs of listings, the newest first. Parameters: portal, property_id (null = all), kind (null = both), limit.
SELECT a.id, a.portal, a.kind, a.property_id, a.url, a.other_property_id, a.reason, a.created_at, a.rejected_at,
       coalesce(l.title, m.listing_page_title) AS title
FROM url_aliases a
LEFT JOIN properties_live l ON l.property_id = a.property_id
LEFT JOIN property_manifest m ON m.property_id = a.property_id
WHERE (CAST(:portal AS text) IS NULL OR a.portal = :portal)
  AND (CAST(:property_id AS text) IS NULL OR :property_id IN (a.property_id, a.other_property_id))
  AND (CAST(:kind AS text) IS NULL OR a.kind = :kind)
ORDER BY a.id DESC
LIMIT :limit
