-- Groups that nobody is in. Parameters: property_ids (the listings that may have named them).
DELETE FROM property_groups g
WHERE g.group_id = ANY (CAST(:property_ids AS text[]))
  AND NOT EXISTS (SELECT 1 FROM property_group_members m WHERE m.group_id = g.group_id)
