-- Locks listings until the transaction ends, and tells what they are locked as: the columns of sync.locks.State.
-- Parameters: property_ids. Index: pk_property_state.
SELECT property_id, content_hash, observed_at AS detail_at, status_at FROM property_state
WHERE property_id = ANY (CAST(:property_ids AS text[]))
ORDER BY property_id
FOR UPDATE
