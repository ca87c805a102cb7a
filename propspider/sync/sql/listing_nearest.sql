-- Ids that somebody may have meant: by internal number, by another case, else the neighbours in order. Parameters: wanted, key
-- (without the portal), portal. Index: pk_property_manifest, ix_property_manifest_internal.
SELECT property_id FROM (
    (SELECT property_id, 0 AS far FROM property_manifest WHERE portal = :portal AND internal_id = :key LIMIT 3)
    UNION ALL
    (SELECT property_id, 0 FROM property_manifest WHERE property_id = :portal || ':' || upper(:key))
    UNION ALL
    (SELECT property_id, 1 FROM property_manifest WHERE property_id > :wanted ORDER BY property_id LIMIT 2)
    UNION ALL
    (SELECT property_id, 1 FROM property_manifest WHERE property_id < :wanted ORDER BY property_id DESC LIMIT 2)
) near
GROUP BY property_id
ORDER BY min(far), property_id
LIMIT 3
