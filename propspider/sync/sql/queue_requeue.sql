-- Gives dead letters a new start, newest of each listing first; one whose listing is open again already stays dead.
-- Parameters: portal (null = all), limit (null = all).
WITH dead AS (
    SELECT max(q.id) AS id
    FROM scrape_queue q
    WHERE q.status = 'failed' AND (CAST(:portal AS text) IS NULL OR q.portal = :portal)
      AND NOT EXISTS (SELECT 1 FROM scrape_queue o WHERE o.property_id = q.property_id AND o.status IN ('pending', 'in_progress'))
    GROUP BY q.property_id
    ORDER BY 1 DESC
    LIMIT :limit
), revived AS (
    UPDATE scrape_queue q
    SET status = 'pending', completed_at = NULL, attempt_count = 0, not_before = NULL, claimed_at = NULL, claimed_by = NULL,
        claim_key = (SELECT app_now()) + queue_step(q.priority), queued_at = (SELECT app_now())
    FROM dead WHERE q.id = dead.id
    RETURNING q.property_id
), needed AS (
    UPDATE property_state s SET given_up_at = NULL FROM revived r WHERE s.property_id = r.property_id
)
SELECT property_id FROM revived
