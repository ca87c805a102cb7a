-- The known value stands; the held one stays beside it, so that it is recognised when it comes again.
-- Parameters: property_ids, operation (null = all).
UPDATE property_offers
SET held_rejected = true
WHERE property_id = ANY (CAST(:property_ids AS text[])) AND held_reason IS NOT NULL AND NOT held_rejected
  AND (CAST(:operation AS text) IS NULL OR operation = :operation)
RETURNING property_id, observed_at
