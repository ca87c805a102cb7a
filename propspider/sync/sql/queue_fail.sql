-- Settles failed fetches: back-off of 10 minutes × 6^(attempts-1) until max_attempts, then a dead letter ('failed').
-- Parameters: ids, lease_nos, errors, counted (arrays of one length). An uncounted failure says nothing about the listing
-- (the portal blocked us): the row is claimable again after the first back-off with its attempts as they were.
-- A row that was wanted again meanwhile starts anew instead of dying; what is wanted is its detail page.
UPDATE scrape_queue q
SET attempt_count = CASE WHEN u.anew THEN 0 ELSE q.attempt_count + u.counted::integer END,
    last_error = u.error,
    lease_until = NULL,
    wanted_at = NULL,
    claimed_at = CASE WHEN u.dead THEN q.claimed_at END,
    claimed_by = CASE WHEN u.dead THEN q.claimed_by END,
    kind = CASE WHEN u.anew THEN 'detail' ELSE q.kind END,
    status = CASE WHEN u.dead THEN 'failed' ELSE 'pending' END,
    completed_at = CASE WHEN u.dead THEN (SELECT app_now()) END,
    not_before = CASE WHEN NOT u.dead
                      THEN (SELECT app_now()) + interval '10 minutes'
                           * power(6, CASE WHEN u.counted AND NOT u.anew THEN q.attempt_count ELSE 0 END)
                 END
FROM (
    SELECT u.*, c.status, c.wanted_at IS NOT NULL AS anew,
           u.counted AND c.wanted_at IS NULL AND c.attempt_count + 1 >= c.max_attempts AS dead
    FROM unnest(CAST(:ids AS bigint[]), CAST(:lease_nos AS bigint[]), CAST(:errors AS text[]), CAST(:counted AS boolean[]))
             AS u (id, lease_no, error, counted)
    JOIN scrape_queue c ON c.id = u.id
    ORDER BY c.id
    FOR UPDATE OF c
) u
WHERE q.id = u.id AND q.lease_no = u.lease_no AND u.status = 'in_progress'
RETURNING q.id, q.status, q.kind, q.property_id
