-- Listings that turned out to be there: their open cases end, waiting ones too. Parameters: decided_by, session_id and arrays of one
-- length: property_ids, observed. A verification has left its own evidence. Index: uq_removal_cases_open.
WITH dismissed AS (
    UPDATE removal_cases c
    SET status = 'dismissed', outcome = 'alive', decided_at = (SELECT app_now()), decided_by = :decided_by
    FROM unnest(CAST(:property_ids AS text[]), CAST(:observed AS timestamptz[])) AS u (property_id, observed_at)
    WHERE c.property_id = u.property_id AND c.status IN ('open', 'quarantined')
    RETURNING c.id, c.property_id, u.observed_at
), evidence AS (
    INSERT INTO removal_evidence (case_id, method, finding, weight, session_id, observed_at)
    SELECT id, CAST(:decided_by AS text), 'alive', 0, CAST(:session_id AS uuid), observed_at
    FROM dismissed WHERE CAST(:decided_by AS text) <> 'verification'
)
SELECT property_id FROM dismissed
