-- Locks listings until the transaction ends. Parameters: property_ids. Index: pk_property_state.
SELECT property_id FROM property_state
WHERE property_id = ANY (CAST(:property_ids AS text[]))
ORDER BY property_id
FOR UPDATE
