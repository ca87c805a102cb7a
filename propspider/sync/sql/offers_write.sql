-- Writes offers that were found to differ while their listing was locked; what was held against them, or missed, is settled. Parameters: source, property_ids, operations, units,
-- kinds, amounts, amount_maxes, currencies, observed (arrays of one length).
INSERT INTO property_offers (property_id, operation, unit, kind, amount, amount_max, currency, observed_at, source)
SELECT u.property_id, u.operation, u.unit, u.kind, u.amount, u.amount_max, u.currency, u.observed_at, :source
FROM unnest(CAST(:property_ids AS text[]), CAST(:operations AS text[]), CAST(:units AS text[]), CAST(:kinds AS text[]),
            CAST(:amounts AS numeric[]), CAST(:amount_maxes AS numeric[]), CAST(:currencies AS text[]),
            CAST(:observed AS timestamptz[]))
         AS u (property_id, operation, unit, kind, amount, amount_max, currency, observed_at)
ORDER BY u.property_id, u.operation, u.unit
ON CONFLICT (property_id, operation, unit) DO UPDATE
SET kind = excluded.kind, amount = excluded.amount, amount_max = excluded.amount_max, currency = excluded.currency,
    observed_at = excluded.observed_at, source = excluded.source,
    missing_since = NULL, missing_source = NULL, is_withdrawn = false,
    held_kind = NULL, held_amount = NULL, held_amount_max = NULL, held_currency = NULL, held_observed_at = NULL,
    held_source = NULL, held_reason = NULL, held_rejected = false
