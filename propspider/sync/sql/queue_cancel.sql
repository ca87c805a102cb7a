-- Listings that are not worth a request any more. Parameters: property_ids, reason. A row being fetched is left to its worker.
UPDATE scrape_queue
SET status = 'cancelled', completed_at = (SELECT app_now()), last_error = :reason
WHERE property_id = ANY (CAST(:property_ids AS text[])) AND status = 'pending'
RETURNING property_id
