-- Which listings were lately on listing pages none of whose prices was believed. Parameters: portal, property_ids, within (interval).
-- Index: ix_scraping_errors_page_gates.
SELECT DISTINCT k.property_id
FROM scraping_errors e
CROSS JOIN unnest(CAST(:property_ids AS text[])) AS k (property_id)
WHERE e.portal = :portal AND e.error_type = 'page_gate' AND e.created_at >= (SELECT app_now()) - CAST(:within AS interval)
  AND jsonb_exists(e.raw_item, k.property_id)
