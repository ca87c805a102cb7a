-- Puts listings into the window, or raises the priority of a row that is already open there.
-- Parameters: portal, kind, property_ids, source_urls, priorities, reasons (arrays of one length, one entry a listing).
-- claim_key = queued_at + the step of the priority: ordering by it is priority with ageing. Index: uq_scrape_queue_open.
INSERT INTO scrape_queue AS q (portal, kind, property_id, source_url, priority, queue_reason, queued_at, claim_key)
SELECT :portal, :kind, u.property_id, u.source_url, u.priority, u.reason, t.now,
       t.now + (ARRAY[interval '0', interval '1 hour', interval '6 hours', interval '3 days', interval '7 days'])[u.priority]
FROM unnest(CAST(:property_ids AS text[]), CAST(:source_urls AS text[]), CAST(:priorities AS smallint[]), CAST(:reasons AS text[]))
         AS u (property_id, source_url, priority, reason),
     (SELECT app_now() AS now) t
ORDER BY u.property_id
ON CONFLICT (property_id) WHERE status IN ('pending', 'in_progress')
DO UPDATE SET priority = excluded.priority,
              queue_reason = excluded.queue_reason,
              claim_key = least(q.claim_key, excluded.claim_key)
WHERE excluded.priority < q.priority
RETURNING q.property_id, (xmax = 0) AS inserted
