-- Makes the rows that state_lock locks. Parameters: portal, property_ids. Sorted, so that two flushes wait in one order.
-- Nearly all are there: looked up first, since a row that conflicts costs more than one that is found.
INSERT INTO property_state (property_id, portal)
SELECT u.property_id, :portal FROM unnest(CAST(:property_ids AS text[])) AS u (property_id)
WHERE NOT EXISTS (SELECT 1 FROM property_state s WHERE s.property_id = u.property_id)
ORDER BY u.property_id
ON CONFLICT (property_id) DO NOTHING
