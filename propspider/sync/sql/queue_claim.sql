-- Leases the next rows to one worker; only those of one listing where property_id is not null. Index: ix_scrape_queue_ready.
-- Parameters: portal, kind, property_id, after (null = from the head), batch, worker, session_id, lease_seconds.
-- `after` starts the walk where the worker's last claim ended: while somebody holds an old snapshot, every row settled since
-- leaves a dead entry at the head of the index, and each claim from the head walks them all.
UPDATE scrape_queue q
SET status = 'in_progress',
    claimed_at = (SELECT app_now()),
    claimed_by = :worker,
    session_id = :session_id,
    lease_no = q.lease_no + 1,
    claims = q.claims + 1,
    lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
FROM (
    SELECT id FROM scrape_queue
    WHERE status = 'pending' AND not_before IS NULL AND portal = :portal AND kind = :kind
      AND claim_key >= coalesce(CAST(:after AS timestamptz), '-infinity')
      AND (CAST(:property_id AS text) IS NULL OR property_id = :property_id)
    ORDER BY claim_key
    LIMIT :batch
    FOR UPDATE SKIP LOCKED
) ready
WHERE q.id = ready.id
RETURNING q.id, q.lease_no, q.property_id, q.source_url, q.queue_reason, q.priority, q.claim_key
