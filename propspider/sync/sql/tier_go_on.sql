-- Scopes of which the last page that the run walked held a listing that nobody had seen before it, and how far it walked.
-- A scope that nobody walked before the run is new all over: not among them. Parameters: run_id.
SELECT w.scope, w.pages_wanted
FROM (
    SELECT DISTINCT ON (w.scope) w.id, w.portal, w.scope, w.pages_wanted
    FROM sweeps w JOIN scraping_sessions s ON s.id = w.session_id
    WHERE s.sync_run_id = :run_id
    ORDER BY w.scope, w.id DESC
) w
CROSS JOIN LATERAL (
    SELECT p.page, p.property_ids FROM sweep_pages p WHERE p.sweep_id = w.id AND p.part = '' ORDER BY p.page DESC, p.id DESC LIMIT 1
) last
WHERE last.page >= w.pages_wanted
  AND EXISTS (SELECT 1 FROM property_manifest m JOIN scraping_sessions f ON f.id = m.first_seen_session_id
              WHERE m.property_id = ANY (last.property_ids) AND f.sync_run_id = :run_id)
  AND EXISTS (SELECT 1 FROM sweeps b JOIN scraping_sessions s ON s.id = b.session_id
              WHERE b.portal = w.portal AND b.scope = w.scope AND b.id < w.id AND s.sync_run_id <> :run_id)
ORDER BY w.scope
