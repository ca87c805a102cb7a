-- Features of listings that live no longer has; returns them. Parameters: none.
DELETE FROM duplicate_features f
WHERE NOT EXISTS (SELECT 1 FROM properties_live l WHERE l.property_id = f.property_id)
RETURNING f.property_id
