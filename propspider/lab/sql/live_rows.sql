-- Every live row as a reader sees it, for the scorecard. Parameters: portal.
SELECT l.property_id, l.status = 'active' AS is_shown, l.offers::text AS offers, l.title, l.description,
       coalesce(s.observed_at, l.scraped_at) AS read_at
FROM properties_live l
LEFT JOIN property_state s ON s.property_id = l.property_id
WHERE l.portal = :portal
