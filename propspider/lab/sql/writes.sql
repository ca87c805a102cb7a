-- What was written to live, a row a value, in the order of writing: values since a moment, statuses since ever. Parameters: portal,
-- since, until (of the writing). A first row brings all of its values; one that it does not have is null.
SELECT c.id, c.property_id, c.created_at, c.observed_at, true AS is_first, of_row.field_name, of_row.value, NULL AS former
FROM property_changes c
CROSS JOIN LATERAL (VALUES ('offers', c.new_value ->> 'offers'), ('title', c.new_value ->> 'title'),
                           ('description', c.new_value ->> 'description'), ('source_url', c.new_value ->> 'source_url'))
    AS of_row (field_name, value)
WHERE c.portal = :portal AND c.change_type = 'created'
  AND c.created_at >= CAST(:since AS timestamptz) AND c.created_at < CAST(:until AS timestamptz)
UNION ALL
SELECT c.id, c.property_id, c.created_at, c.observed_at, false, c.field_name, c.new_value #>> '{}', c.old_value #>> '{}'
FROM property_changes c
WHERE c.portal = :portal AND c.created_at < CAST(:until AS timestamptz)
  AND (c.field_name = 'listing_status'
       OR c.field_name IN ('offers', 'title', 'description', 'source_url') AND c.created_at >= CAST(:since AS timestamptz))
ORDER BY created_at, id
