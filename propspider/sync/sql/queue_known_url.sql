-- Where a listing's page is, by its live row or its card. Parameters: portal, property_id.
SELECT source_url FROM properties_live WHERE portal = :portal AND property_id = :property_id
UNION ALL
SELECT source_url FROM property_manifest WHERE portal = :portal AND property_id = :property_id
LIMIT 1
