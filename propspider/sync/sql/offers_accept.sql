-- What is held becomes what is known. Parameters: property_ids, operation (null = all). Returns the listings and their observed_at.
UPDATE property_offers o
SET kind = held_kind, amount = held_amount, amount_max = held_amount_max, currency = held_currency,
    observed_at = held_observed_at, source = held_source, is_withdrawn = false, missing_since = NULL, missing_source = NULL,
    held_kind = NULL, held_amount = NULL, held_amount_max = NULL, held_currency = NULL, held_observed_at = NULL,
    held_source = NULL, held_reason = NULL, held_rejected = false
WHERE property_id = ANY (CAST(:property_ids AS text[])) AND held_reason IS NOT NULL AND NOT held_rejected
  AND (CAST(:operation AS text) IS NULL OR operation = :operation)
RETURNING property_id, observed_at
