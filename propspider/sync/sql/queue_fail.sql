-- Settles failed fetches: back-off of 10 minutes × 6^(attempts-1) until max_attempts, then a dead letter ('failed').
-- Parameters: ids, lease_nos, errors, counted (arrays of one length). An uncounted failure says nothing about the listing
-- (the portal blocked us): the row is claimable again after the first back-off with its attempts as they were.
UPDATE scrape_queue q
SET attempt_count = q.attempt_count + u.counted::integer,
    last_error = u.error,
    lease_until = NULL,
    claimed_at = CASE WHEN dead THEN q.claimed_at END,
    claimed_by = CASE WHEN dead THEN q.claimed_by END,
    status = CASE WHEN dead THEN 'failed' ELSE 'pending' END,
    completed_at = CASE WHEN dead THEN (SELECT app_now()) END,
    not_before = CASE WHEN NOT dead
                      THEN (SELECT app_now()) + interval '10 minutes' * power(6, CASE WHEN u.counted THEN q.attempt_count ELSE 0 END)
                 END
FROM (
    SELECT u.*, u.counted AND c.attempt_count + 1 >= c.max_attempts AS dead
    FROM unnest(CAST(:ids AS bigint[]), CAST(:lease_nos AS bigint[]), CAST(:errors AS text[]), CAST(:counted AS boolean[]))
             AS u (id, lease_no, error, counted)
    JOIN scrape_queue c ON c.id = u.id
) u
WHERE q.id = u.id AND q.lease_no = u.lease_no AND q.status = 'in_progress'
RETURNING q.id, q.status
