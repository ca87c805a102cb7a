-- The listings of URLs, by their own or another one of theirs that is certain. Parameters: portal, urls. Reads the manifest once.
SELECT u.url, array_agg(DISTINCT k.property_id) AS property_ids
FROM unnest(CAST(:urls AS text[])) AS u (url)
JOIN (
    SELECT source_url AS url, property_id FROM property_manifest WHERE portal = :portal
    UNION ALL
    SELECT source_url, property_id FROM properties_live WHERE portal = :portal
    UNION ALL
    SELECT url, property_id FROM url_aliases WHERE portal = :portal AND kind = 'certain' AND rejected_at IS NULL
) k ON k.url = u.url
GROUP BY u.url
