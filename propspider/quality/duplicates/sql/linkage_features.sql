-- What the model compares, of all listings; `edges` numbers the pairs that a listing is part of. Parameters: floor (bits from which a pair
-- is judged).
WITH judged AS (
    SELECT property_a, property_b, row_number() OVER (ORDER BY property_a, property_b) AS edge
    FROM duplicate_edges WHERE score >= CAST(:floor AS real)
), ends AS (
    SELECT property_a AS property_id, edge FROM judged UNION ALL SELECT property_b, edge FROM judged
), numbered AS (
    SELECT property_id, array_agg(edge) AS edges FROM ends GROUP BY property_id
)
SELECT f.property_id, coalesce(n.edges, '{}') AS edges,
       f.family, f.markets, f.city,
       f.sale, f.sale_currency, f.rent, f.rent_currency, f.total_area, f.bedrooms::float8 AS bedrooms, f.bathrooms::float8 AS bathrooms,
       f.neighborhood, f.street, f.house_number, f.latitude, f.longitude
FROM duplicate_features f
LEFT JOIN numbered n ON n.property_id = f.property_id
