-- The keys under which listings are looked for; what has no family or market is looked for by its reference only. `near` packs market,
-- family, a cell of 0.0018° (200 m) and a price band of 0.24 in the logarithm, so that a neighbouring cell or band is a sum away
-- (pairs_candidates); the others are hashes of what two listings must share to the letter. Parameters: property_ids.
INSERT INTO duplicate_blocks (property_id, key, band)
SELECT f.property_id, k.key, k.band
FROM duplicate_features f
CROSS JOIN LATERAL (VALUES (1, f.sale), (2, f.rent)) market(bit, price)
CROSS JOIN LATERAL (
    SELECT concat_ws('|', market.bit, f.family, f.city) AS base,
           round(exp(market.price)::numeric) AS amount,
           round(exp(coalesce(f.total_area, f.covered_area, f.lot_area))::numeric) AS area
) shared
CROSS JOIN LATERAL (VALUES
    (((((market.bit * 16 + (hashtext(f.family) & 15))::bigint * 131072
        + floor((f.latitude + 90) / 0.0018)::bigint) * 524288
        + floor((f.longitude * cos(radians(round(f.latitude::numeric)::float8)) + 180) / 0.0018)::bigint) * 256)
        + floor(greatest(market.price, 0) / 0.24)::bigint,
        CASE WHEN greatest(market.price, 0) / 0.24 - floor(greatest(market.price, 0) / 0.24) < 0.5 THEN -1 ELSE 1 END::smallint),
    (hashtextextended('door|' || shared.base || '|' || f.street || '|' || f.house_number, 0), NULL),
    (hashtextextended('hood|' || shared.base || '|' || f.neighborhood || '|' || shared.amount, 0), NULL),
    (hashtextextended('size|' || shared.base || '|' || f.street || '|' || shared.area, 0), NULL)
) k(key, band)
WHERE f.property_id = ANY (CAST(:property_ids AS text[])) AND f.family IS NOT NULL AND f.markets & market.bit > 0 AND k.key IS NOT NULL
UNION ALL
SELECT f.property_id, hashtextextended('reference|' || f.reference, 0), NULL
FROM duplicate_features f
WHERE f.property_id = ANY (CAST(:property_ids AS text[])) AND f.reference IS NOT NULL
ON CONFLICT DO NOTHING
