-- Members that are no longer in the group that they are in. Parameters: property_ids, group_ids (the group of each, null = none).
DELETE FROM property_group_members m
USING unnest(CAST(:property_ids AS text[]), CAST(:group_ids AS text[])) given(property_id, group_id)
WHERE m.property_id = given.property_id AND m.group_id IS DISTINCT FROM given.group_id
RETURNING m.property_id
