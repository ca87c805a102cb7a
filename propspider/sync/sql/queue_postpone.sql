-- Rows whose answer is not enough yet, to be asked again later. Parameters: ids, lease_nos, reasons (arrays of one length), seconds.
-- One that was wanted meanwhile opens at once, for its detail page.
UPDATE scrape_queue q
SET status = 'pending', last_error = u.reason, lease_until = NULL, claimed_at = NULL, claimed_by = NULL, wanted_at = NULL,
    kind = CASE WHEN q.wanted_at IS NULL THEN q.kind ELSE 'detail' END,
    not_before = CASE WHEN q.wanted_at IS NULL THEN (SELECT app_now()) + make_interval(secs => :seconds) END
FROM unnest(CAST(:ids AS bigint[]), CAST(:lease_nos AS bigint[]), CAST(:reasons AS text[])) AS u (id, lease_no, reason)
WHERE q.id = u.id AND q.lease_no = u.lease_no AND q.status = 'in_progress'
RETURNING q.id
