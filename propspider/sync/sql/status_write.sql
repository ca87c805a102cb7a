-- Writes listing_status with its history; the next detail read is compared anew. Whoever calls it has the listings' locks.
-- Parameters: status, session_id, reason and arrays of one length: property_ids, observed. What was observed before the present
-- status was decided changes nothing. Returns the listings that changed.
WITH changed AS (
    UPDATE properties_live l
    SET listing_status = :status, updated_at = o.now, last_updated_at = o.now
    FROM (
        SELECT c.property_id, c.listing_status AS old, u.observed_at, (SELECT app_now()) AS now
        FROM unnest(CAST(:property_ids AS text[]), CAST(:observed AS timestamptz[])) AS u (property_id, observed_at)
        JOIN properties_live c ON c.property_id = u.property_id
        JOIN property_state s ON s.property_id = u.property_id
        WHERE c.listing_status <> CAST(:status AS text) AND u.observed_at >= coalesce(s.status_at, '-infinity')
    ) o
    WHERE l.property_id = o.property_id
    RETURNING l.property_id, l.portal, o.old, o.observed_at
), stamped AS (
    UPDATE property_state s SET status_at = c.observed_at, content_hash = NULL FROM changed c WHERE s.property_id = c.property_id
)
INSERT INTO property_changes (property_id, portal, session_id, change_type, field_name, old_value, new_value, confidence_score,
                              change_reason, observed_at)
SELECT property_id, portal, CAST(:session_id AS uuid),
       CASE WHEN CAST(:status AS text) IN ('confirmed_removed', 'sold', 'withdrawn') THEN 'removed'
            WHEN old IN ('confirmed_removed', 'sold', 'withdrawn') THEN 'reactivated'
            ELSE 'updated' END,
       'listing_status', to_jsonb(old), to_jsonb(CAST(:status AS text)),
       CASE WHEN CAST(:status AS text) = 'likely_removed' THEN 0.5 ELSE 1 END, :reason, observed_at
FROM changed
ORDER BY property_id
RETURNING property_id
