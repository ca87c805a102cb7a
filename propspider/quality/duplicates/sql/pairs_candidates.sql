-- Pairs, each once, of which one listing is of these and that share a key: their own or, of keys with neighbours, one of the eight cells
-- around and of the nearer price band. A key that more than `crowd` listings share says nothing. The smaller id, as Python orders them,
-- comes first. Parameters: property_ids, is_all (they
-- are all there are: a pair is met from its first listing only), crowd. Indexes: pk_duplicate_blocks, ix_duplicate_blocks_property.
WITH own AS (
    SELECT b.property_id, b.key, b.band
    FROM unnest(CAST(:property_ids AS text[])) wanted(property_id)
    JOIN duplicate_blocks b ON b.property_id = wanted.property_id
), probes AS (
    SELECT property_id, key FROM own WHERE band IS NULL
    UNION ALL
    SELECT own.property_id, own.key + 256 * (524288 * north.step + east.step) + nearer.is_other * own.band
    FROM own
    CROSS JOIN (VALUES (-1), (0), (1)) north(step)
    CROSS JOIN (VALUES (-1), (0), (1)) east(step)
    CROSS JOIN (VALUES (0), (1)) nearer(is_other)
    WHERE own.band IS NOT NULL
), crowded AS (
    SELECT b.key
    FROM duplicate_blocks b
    WHERE CAST(:is_all AS boolean)
    GROUP BY b.key
    HAVING count(*) > CAST(:crowd AS integer)
    UNION ALL
    SELECT b.key
    FROM (SELECT DISTINCT probes.key FROM probes WHERE NOT CAST(:is_all AS boolean)) p
    JOIN duplicate_blocks b ON b.key = p.key
    GROUP BY b.key
    HAVING count(*) > CAST(:crowd AS integer)
)
SELECT DISTINCT least(probes.property_id COLLATE "C", b.property_id) AS property_a,
       greatest(probes.property_id COLLATE "C", b.property_id) AS property_b
FROM probes
JOIN duplicate_blocks b ON b.key = probes.key AND b.property_id <> probes.property_id
WHERE (NOT CAST(:is_all AS boolean) OR probes.property_id < b.property_id)
  AND NOT EXISTS (SELECT 1 FROM crowded WHERE crowded.key = probes.key)
