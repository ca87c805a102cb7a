-- Groups with their members, the largest first. Parameters: portal (null = all), limit.
SELECT m.group_id, count(*) AS listings, array_agg(m.property_id ORDER BY l.first_seen_at, m.property_id) AS property_ids,
       array_agg(DISTINCT l.portal) AS portals, count(*) FILTER (WHERE l.status = 'active') AS shown,
       (array_agg(l.title ORDER BY l.first_seen_at, m.property_id))[1] AS title, min(l.first_seen_at) AS first_seen_at,
       max(m.joined_at) AS joined_at
FROM property_group_members m
JOIN properties_live l ON l.property_id = m.property_id
GROUP BY m.group_id
HAVING CAST(:portal AS text) IS NULL OR bool_or(l.portal = :portal)
ORDER BY listings DESC, m.group_id
LIMIT CAST(:limit AS bigint)
