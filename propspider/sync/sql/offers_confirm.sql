-- The known value was seen again: nothing is held against it, and it is not missing. Parameters: property_ids, operations, units.
UPDATE property_offers o
SET missing_since = NULL, missing_source = NULL,
    held_kind = NULL, held_amount = NULL, held_amount_max = NULL, held_currency = NULL, held_observed_at = NULL,
    held_source = NULL, held_reason = NULL, held_rejected = false
FROM unnest(CAST(:property_ids AS text[]), CAST(:operations AS text[]), CAST(:units AS text[]))
         AS u (property_id, operation, unit)
WHERE o.property_id = u.property_id AND o.operation = u.operation AND o.unit = u.unit
