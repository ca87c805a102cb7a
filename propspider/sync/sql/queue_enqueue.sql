-- Puts listings into the window whatever its ceiling, raises the priority of a row that is already open there, and leaves a mark on
-- one that is being fetched. Parameters: portal, kind, property_ids, source_urls, priorities, reasons (arrays, one entry a listing).
-- claim_key = queued_at + the step of the priority: ordering by it is priority with ageing. Index: uq_scrape_queue_open.
INSERT INTO scrape_queue AS q (portal, kind, property_id, source_url, priority, queue_reason, queued_at, claim_key)
SELECT :portal, :kind, u.property_id, u.source_url, u.priority, u.reason, t.now, t.now + queue_step(u.priority)
FROM unnest(CAST(:property_ids AS text[]), CAST(:source_urls AS text[]), CAST(:priorities AS smallint[]), CAST(:reasons AS text[]))
         AS u (property_id, source_url, priority, reason),
     (SELECT app_now() AS now) t
ORDER BY u.property_id
ON CONFLICT (property_id) WHERE status IN ('pending', 'in_progress')
DO UPDATE SET priority = least(q.priority, excluded.priority),
              queue_reason = CASE WHEN excluded.priority < q.priority THEN excluded.queue_reason ELSE q.queue_reason END,
              claim_key = least(q.claim_key, excluded.claim_key),
              wanted_at = CASE WHEN q.status = 'in_progress' THEN excluded.queued_at END
WHERE q.status = 'in_progress' OR excluded.priority < q.priority
RETURNING q.property_id, (xmax = 0) AS inserted
