-- What runs brought, listing by listing: new ones, list and detail prices that moved, ones that are gone with the evidence that said so.
-- Parameters: runs. Index: ix_property_changes_session.
SELECT c.property_id, l.title, CASE c.change_type WHEN 'created' THEN 'new' WHEN 'removed' THEN 'removed' ELSE 'repriced' END AS kind,
       c.old_value, CASE WHEN c.change_type <> 'created' THEN c.new_value END AS new_value, l.currency,
       CASE WHEN c.change_type = 'removed' THEN (
           SELECT array_agg(concat_ws(' ', e.method, e.finding, e.http_status) ORDER BY e.id)
           FROM removal_cases r JOIN removal_evidence e ON e.case_id = r.id
           WHERE r.property_id = c.property_id AND r.status = 'confirmed') END AS evidence
FROM property_changes c
JOIN scraping_sessions s ON s.id = c.session_id
JOIN properties_live l ON l.property_id = c.property_id
WHERE s.sync_run_id = ANY (CAST(:runs AS uuid[]))
  AND (c.change_type IN ('created', 'removed') OR (c.change_type = 'updated' AND c.field_name = 'price'))
ORDER BY c.id
