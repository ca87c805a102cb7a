-- A verify row for every open case that has none: a new one, one whose row was cancelled, and one whose row was given up before the
-- last complete sweep missed it again. Parameters: portal, priority. Indexes: uq_removal_cases_open, ix_scrape_queue_property.
INSERT INTO scrape_queue (portal, kind, property_id, source_url, priority, queue_reason, queued_at, claim_key)
SELECT c.portal, 'verify', c.property_id, coalesce(m.source_url, l.source_url), CAST(:priority AS smallint), 'verification', t.now,
       t.now + queue_step(:priority)
FROM removal_cases c
JOIN properties_live l ON l.property_id = c.property_id
LEFT JOIN property_manifest m ON m.property_id = c.property_id,
     (SELECT app_now() AS now) t
WHERE c.portal = :portal AND c.status = 'open'
  AND NOT EXISTS (SELECT 1 FROM scrape_queue q WHERE q.property_id = c.property_id AND q.status IN ('pending', 'in_progress'))
  AND NOT EXISTS (
      SELECT 1 FROM scrape_queue q
      WHERE q.property_id = c.property_id AND q.kind = 'verify' AND q.status IN ('completed', 'failed')
        AND q.completed_at >= greatest(c.opened_at, (
            SELECT max(w.completed_at) FROM sweeps w
            WHERE w.portal = c.portal AND w.scope = c.scope AND w.verdict = 'complete')))
ORDER BY c.property_id
ON CONFLICT (property_id) WHERE status IN ('pending', 'in_progress') DO NOTHING
RETURNING property_id
