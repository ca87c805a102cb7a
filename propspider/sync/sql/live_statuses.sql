-- Locked listings that live has; run after state_lock, so that its snapshot is newer than the locks. Parameters: property_ids.
SELECT property_id, listing_status FROM properties_live WHERE property_id = ANY (CAST(:property_ids AS text[]))
