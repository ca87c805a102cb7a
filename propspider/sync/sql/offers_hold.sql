-- Keeps a value from live until it is reviewed. Parameters: source and arrays of one length: property_ids, operations, units, kinds,
-- amounts, amount_maxes, currencies, observed, reasons.
UPDATE property_offers o
SET held_kind = u.kind, held_amount = u.amount, held_amount_max = u.amount_max, held_currency = u.currency,
    held_observed_at = u.observed_at, held_source = :source, held_reason = u.reason, held_rejected = false
FROM unnest(CAST(:property_ids AS text[]), CAST(:operations AS text[]), CAST(:units AS text[]),
            CAST(:kinds AS text[]), CAST(:amounts AS numeric[]), CAST(:amount_maxes AS numeric[]), CAST(:currencies AS text[]),
            CAST(:observed AS timestamptz[]), CAST(:reasons AS text[]))
         AS u (property_id, operation, unit, kind, amount, amount_max, currency, observed_at, reason)
WHERE o.property_id = u.property_id AND o.operation = u.operation AND o.unit = u.unit
