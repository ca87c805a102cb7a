-- Settles stored rows. Parameters: ids, lease_nos, observed (arrays of one length). A row whose lease was taken over is left alone;
-- one that was wanted again after its page was fetched opens anew, for its detail page. Rows are locked by the update itself: their
-- listings' locks keep two that settle apart, and whoever else takes several rows skips those that are locked.
UPDATE scrape_queue q
SET status = CASE WHEN q.wanted_at > u.observed_at THEN 'pending' ELSE 'completed' END,
    kind = CASE WHEN q.wanted_at > u.observed_at THEN 'detail' ELSE q.kind END,
    completed_at = CASE WHEN q.wanted_at > u.observed_at THEN NULL ELSE (SELECT app_now()) END,
    queued_at = CASE WHEN q.wanted_at > u.observed_at THEN q.wanted_at ELSE q.queued_at END,
    claim_key = CASE WHEN q.wanted_at > u.observed_at THEN q.wanted_at + queue_step(q.priority) ELSE q.claim_key END,
    claimed_at = CASE WHEN q.wanted_at > u.observed_at THEN NULL ELSE q.claimed_at END,
    claimed_by = CASE WHEN q.wanted_at > u.observed_at THEN NULL ELSE q.claimed_by END,
    attempt_count = CASE WHEN q.wanted_at > u.observed_at THEN 0 ELSE q.attempt_count END,
    lease_until = NULL, last_error = NULL, wanted_at = NULL
FROM unnest(CAST(:ids AS bigint[]), CAST(:lease_nos AS bigint[]), CAST(:observed AS timestamptz[])) AS u (id, lease_no, observed_at)
WHERE q.id = u.id AND q.lease_no = u.lease_no AND q.status = 'in_progress'
RETURNING q.id, q.status
