-- Fills the window from what is in need: listings never fetched, then those whose price moved, then stale ones, then a sample.
-- Each kind is first given its share of the room, so that a first load of a whole portal cannot keep the others out for ever.
-- Parameters: portal, room, changed_share, stale_share (rows), stale_before (timestamp or null = none), sample (rows).
-- Indexes: ix_property_state_new, _changed, _stale, uq_scrape_queue_open. Walks at most the window's rows besides those it takes.
WITH candidates AS (
    (SELECT s.property_id, 'new_property' AS reason, 1 AS priority, 0 AS share, row_number() OVER (ORDER BY s.created_at) AS place
     FROM property_state s
     WHERE s.portal = :portal AND s.observed_at IS NULL AND s.given_up_at IS NULL
       AND NOT EXISTS (SELECT 1 FROM scrape_queue q WHERE q.property_id = s.property_id AND q.status IN ('pending', 'in_progress'))
       AND EXISTS (SELECT 1 FROM property_manifest m WHERE m.property_id = s.property_id)
     ORDER BY s.created_at LIMIT :room)
    UNION ALL
    (SELECT s.property_id, 'price_change', 2, :changed_share, row_number() OVER (ORDER BY s.price_moved_at)
     FROM property_state s
     WHERE s.portal = :portal AND s.price_moved_at > s.observed_at
       AND (s.given_up_at IS NULL OR s.given_up_at < s.price_moved_at)
       AND NOT EXISTS (SELECT 1 FROM properties_live l WHERE l.property_id = s.property_id AND l.status <> 'active')
       AND NOT EXISTS (SELECT 1 FROM scrape_queue q WHERE q.property_id = s.property_id AND q.status IN ('pending', 'in_progress'))
     ORDER BY s.price_moved_at LIMIT :room)
    UNION ALL
    (SELECT s.property_id, 'stale_data', 4, :stale_share, row_number() OVER (ORDER BY s.observed_at)
     FROM property_state s
     JOIN properties_live l ON l.property_id = s.property_id AND l.status = 'active'
     WHERE s.portal = :portal AND s.observed_at < CAST(:stale_before AS timestamptz)
       AND (s.given_up_at IS NULL OR s.given_up_at < CAST(:stale_before AS timestamptz))
       AND NOT EXISTS (SELECT 1 FROM scrape_queue q WHERE q.property_id = s.property_id AND q.status IN ('pending', 'in_progress'))
     ORDER BY s.observed_at LIMIT :room)
    UNION ALL
    (SELECT l.property_id, 'random_sample', 5, 0, row_number() OVER ()
     FROM properties_live l
     WHERE l.portal = :portal AND l.status = 'active' AND :sample > 0
       AND NOT EXISTS (SELECT 1 FROM scrape_queue q WHERE q.property_id = l.property_id AND q.status IN ('pending', 'in_progress'))
     ORDER BY random() LIMIT least(:sample, :room))
), once AS (
    SELECT DISTINCT ON (property_id) * FROM candidates ORDER BY property_id, priority
), chosen AS (
    SELECT * FROM once ORDER BY place > share, priority, place LIMIT :room
)
INSERT INTO scrape_queue (portal, kind, property_id, source_url, priority, queue_reason, queued_at, claim_key)
SELECT :portal, 'detail', c.property_id, coalesce(m.source_url, l.source_url), c.priority, c.reason, t.now, t.now + queue_step(c.priority)
FROM chosen c
LEFT JOIN property_manifest m ON m.property_id = c.property_id
LEFT JOIN properties_live l ON l.property_id = c.property_id,
     (SELECT app_now() AS now) t
ORDER BY c.property_id
ON CONFLICT (property_id) WHERE status IN ('pending', 'in_progress') DO NOTHING
RETURNING queue_reason
