-- Listings of which something is under way: in the queue for their detail page, suspected to be gone, with an offer that waits for a
-- person, or known from a listing page and never read. Parameters: portal.
SELECT property_id, 'queued' AS what FROM scrape_queue
WHERE portal = :portal AND kind = 'detail' AND status IN ('pending', 'in_progress')
UNION ALL
SELECT property_id, 'suspected' FROM removal_cases WHERE portal = :portal AND status IN ('open', 'quarantined')
UNION ALL
SELECT o.property_id, 'held' FROM property_offers o
JOIN property_state s ON s.property_id = o.property_id
WHERE s.portal = :portal AND o.held_reason IS NOT NULL AND NOT o.held_rejected
UNION ALL
SELECT s.property_id, 'in need' FROM property_state s
WHERE s.portal = :portal AND s.given_up_at IS NULL AND (s.observed_at IS NULL OR s.price_moved_at > s.observed_at)
UNION ALL
SELECT property_id, 'stored' FROM properties_live WHERE portal = :portal
