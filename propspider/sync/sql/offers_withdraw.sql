-- An offer was missing twice: it leaves live, and comes back when it is seen again. Parameters: property_ids, operations, units, observed.
UPDATE property_offers o
SET is_withdrawn = true, observed_at = u.observed_at
FROM unnest(CAST(:property_ids AS text[]), CAST(:operations AS text[]), CAST(:units AS text[]), CAST(:observed AS timestamptz[]))
         AS u (property_id, operation, unit, observed_at)
WHERE o.property_id = u.property_id AND o.operation = u.operation AND o.unit = u.unit
