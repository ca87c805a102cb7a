-- The newer of two observations of one offer stays. Parameters: old, new.
INSERT INTO property_offers AS o (property_id, operation, unit, kind, amount, amount_max, currency, observed_at, source)
SELECT :new, operation, unit, kind, amount, amount_max, currency, observed_at, source
FROM property_offers WHERE property_id = :old
ON CONFLICT (property_id, operation, unit) DO UPDATE
SET kind = excluded.kind, amount = excluded.amount, amount_max = excluded.amount_max, currency = excluded.currency,
    observed_at = excluded.observed_at, source = excluded.source
WHERE excluded.observed_at > o.observed_at
