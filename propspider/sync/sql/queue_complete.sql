-- Settles stored rows. Parameters: ids, lease_nos (arrays of one length). A row whose lease was taken over is left alone.
UPDATE scrape_queue q
SET status = 'completed', completed_at = (SELECT app_now()), lease_until = NULL, last_error = NULL
FROM unnest(CAST(:ids AS bigint[]), CAST(:lease_nos AS bigint[])) AS u (id, lease_no)
WHERE q.id = u.id AND q.lease_no = u.lease_no AND q.status = 'in_progress'
RETURNING q.id
