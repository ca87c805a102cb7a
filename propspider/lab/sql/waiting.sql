-- Detail pages that wait for a request and could be asked for now, those on demand aside, and listings in need that stand in no queue yet.
-- Parameters: portal.
SELECT (SELECT count(*) FROM scrape_queue
        WHERE portal = :portal AND kind = 'detail' AND status = 'pending' AND queue_reason <> 'on_demand'
          AND coalesce(not_before <= (SELECT app_now()), true)) AS backlog,
       (SELECT count(*) FROM property_state s
        WHERE s.portal = :portal AND s.given_up_at IS NULL AND (s.observed_at IS NULL OR s.price_moved_at > s.observed_at)
          AND EXISTS (SELECT 1 FROM property_manifest m WHERE m.property_id = s.property_id)
          AND NOT EXISTS (SELECT 1 FROM properties_live l WHERE l.property_id = s.property_id AND l.status <> 'active')
          AND NOT EXISTS (SELECT 1 FROM scrape_queue q
                          WHERE q.property_id = s.property_id AND q.status IN ('pending', 'in_progress'))) AS in_need
