-- Listings into their groups; returns those that came into one. Parameters: property_ids, group_ids.
WITH given AS (
    SELECT * FROM unnest(CAST(:property_ids AS text[]), CAST(:group_ids AS text[])) given(property_id, group_id)
    WHERE group_id IS NOT NULL
), groups AS (
    INSERT INTO property_groups (group_id) SELECT DISTINCT group_id FROM given ON CONFLICT (group_id) DO NOTHING
)
INSERT INTO property_group_members (property_id, group_id)
SELECT property_id, group_id FROM given
ON CONFLICT (property_id) DO NOTHING
RETURNING property_id
