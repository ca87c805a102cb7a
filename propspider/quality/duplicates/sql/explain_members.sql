-- The group of a listing, or the listing alone, the first seen first. Parameters: property_id.
SELECT l.property_id, own.group_id, l.portal, l.title, l.listing_status, l.operation_type, l.price, l.currency, span.first_seen_at, span.gone_at
FROM (SELECT CAST(:property_id AS text) AS property_id) asked
LEFT JOIN property_group_members own ON own.property_id = asked.property_id
LEFT JOIN property_group_members m ON m.group_id = own.group_id
JOIN properties_live l ON l.property_id = coalesce(m.property_id, asked.property_id)
JOIN listing_spans span ON span.property_id = l.property_id
ORDER BY span.first_seen_at, l.property_id
