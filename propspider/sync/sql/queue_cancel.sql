-- Listings that are not worth a request any more. Parameters: property_ids, reason, kind (null = both),
-- keep (a queue_reason that stays, or null). A row being fetched is left to its worker.
UPDATE scrape_queue
SET status = 'cancelled', completed_at = (SELECT app_now()), last_error = :reason
WHERE property_id = ANY (CAST(:property_ids AS text[])) AND status = 'pending'
  AND (CAST(:kind AS text) IS NULL OR kind = :kind) AND queue_reason IS DISTINCT FROM CAST(:keep AS text)
RETURNING property_id
