-- Before a claim: rows whose lease ran out and rows whose back-off is over become claimable again.
-- Parameters: portal, kind. Indexes: ix_scrape_queue_leases, ix_scrape_queue_backed_off. Leases are real time.
WITH expired AS (
    SELECT id FROM scrape_queue
    WHERE status = 'in_progress' AND lease_until < (SELECT clock_timestamp()) AND portal = :portal AND kind = :kind
    FOR UPDATE SKIP LOCKED
), rested AS (
    SELECT id FROM scrape_queue
    WHERE status = 'pending' AND not_before IS NOT NULL AND portal = :portal AND kind = :kind AND not_before <= (SELECT app_now())
    FOR UPDATE SKIP LOCKED
)
UPDATE scrape_queue q
SET status = 'pending', not_before = NULL, claimed_at = NULL, claimed_by = NULL, lease_until = NULL, wanted_at = NULL
WHERE q.id IN (SELECT id FROM expired UNION ALL SELECT id FROM rested)
