-- A detail page came without an offer. Parameters: source, property_ids, operations, units, observed.
UPDATE property_offers o
SET missing_since = u.observed_at, missing_source = :source
FROM unnest(CAST(:property_ids AS text[]), CAST(:operations AS text[]), CAST(:units AS text[]), CAST(:observed AS timestamptz[]))
         AS u (property_id, operation, unit, observed_at)
WHERE o.property_id = u.property_id AND o.operation = u.operation AND o.unit = u.unit
