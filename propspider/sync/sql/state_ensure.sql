-- Makes the rows that state_lock locks. Parameters: portal, property_ids. Sorted, so that two flushes wait in one order.
INSERT INTO property_state (property_id, portal)
SELECT property_id, :portal FROM unnest(CAST(:property_ids AS text[])) AS u (property_id)
ORDER BY property_id
ON CONFLICT (property_id) DO NOTHING
