-- A subquery, not a statement of its own: what live says of a listing's offers. Parameters: property_ids.
-- The primary offer sticks to the operation that live has; else a total before a price per m², then sale before rent.
-- price is a total only: a price per m² never stands in for one.
SELECT o.property_id,
       jsonb_agg(jsonb_build_object('operation', o.operation, 'kind', o.kind, 'amount', o.amount, 'amount_max', o.amount_max,
                                    'currency', o.currency, 'unit', o.unit) ORDER BY o.operation, o.unit) AS offers,
       (array_agg(o.operation ORDER BY r.rank))[1] AS operation_type,
       (array_agg(CASE WHEN o.unit = 'total' THEN o.amount END ORDER BY r.rank))[1] AS price,
       (array_agg(o.currency ORDER BY r.rank))[1] AS currency,
       (array_agg(CASE WHEN o.unit = 'square_meter' THEN o.amount END ORDER BY r.rank))[1] AS stated_per_m2
FROM property_offers o
LEFT JOIN properties_live l ON l.property_id = o.property_id
CROSS JOIN LATERAL (
    SELECT CASE WHEN o.operation IS DISTINCT FROM l.operation_type THEN 100 ELSE 0 END
           + CASE WHEN o.unit = 'total' THEN 0 ELSE 10 END
           + array_position(ARRAY['sale', 'rent', 'temporary_rent', 'foreclosure', 'new_construction'], o.operation) AS rank
) r
WHERE o.property_id = ANY (CAST(:property_ids AS text[])) AND NOT o.is_withdrawn
GROUP BY o.property_id
