-- Settles stored rows. Parameters: ids, lease_nos, observed (arrays of one length). A row whose lease was taken over is left alone;
-- one that was wanted again after its page was fetched opens anew, for its detail page.
UPDATE scrape_queue q
SET status = CASE WHEN again THEN 'pending' ELSE 'completed' END,
    kind = CASE WHEN again THEN 'detail' ELSE q.kind END,
    completed_at = CASE WHEN NOT again THEN (SELECT app_now()) END,
    queued_at = CASE WHEN again THEN q.wanted_at ELSE q.queued_at END,
    claim_key = CASE WHEN again THEN q.wanted_at + queue_step(q.priority) ELSE q.claim_key END,
    claimed_at = CASE WHEN NOT again THEN q.claimed_at END,
    claimed_by = CASE WHEN NOT again THEN q.claimed_by END,
    attempt_count = CASE WHEN again THEN 0 ELSE q.attempt_count END,
    lease_until = NULL, last_error = NULL, wanted_at = NULL
FROM (
    SELECT u.id, u.lease_no, coalesce(c.wanted_at > u.observed_at, false) AS again, c.status
    FROM unnest(CAST(:ids AS bigint[]), CAST(:lease_nos AS bigint[]), CAST(:observed AS timestamptz[])) AS u (id, lease_no, observed_at)
    JOIN scrape_queue c ON c.id = u.id
    ORDER BY c.id
    FOR UPDATE OF c
) u
WHERE q.id = u.id AND q.lease_no = u.lease_no AND u.status = 'in_progress'
RETURNING q.id, q.status
