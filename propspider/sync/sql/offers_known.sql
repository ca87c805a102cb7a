-- Offers of locked listings. Parameters: property_ids. The first eight columns are what `sync.offers` compares, in its order.
SELECT property_id, operation, unit, kind, amount, currency, amount_max,
       held_reason IS NULL AND missing_since IS NULL AND NOT is_withdrawn AS is_settled,
       observed_at, missing_since, missing_source, is_withdrawn,
       held_reason, held_kind, held_amount, held_currency, held_amount_max
FROM property_offers
WHERE property_id = ANY (CAST(:property_ids AS text[]))
