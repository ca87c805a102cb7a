-- Gives a session the sweeps that were cut off a short while ago and were the last of their scope. Parameters: portal, scopes,
-- session_id, pages_wanted, within (an interval).
UPDATE sweeps w
SET session_id = :session_id, status = 'running', completed_at = NULL, verdict = NULL,
    reasons = jsonb_build_array(format('taken up after session %s ended (%s)', left(s.id::text, 8), s.finish_reason))
FROM scraping_sessions s
WHERE s.id = w.session_id AND s.status <> 'running'
  AND s.finish_reason IN ('died', 'shutdown', 'cancelled', 'superseded', 'database_lost', 'paused')
  AND w.portal = :portal AND w.scope = ANY (CAST(:scopes AS text[])) AND w.status = 'aborted' AND w.pages_wanted = :pages_wanted
  AND NOT EXISTS (SELECT 1 FROM sweeps later WHERE later.portal = w.portal AND later.scope = w.scope AND later.id > w.id)
  AND (SELECT max(p.observed_at) FROM sweep_pages p WHERE p.sweep_id = w.id) > (SELECT app_now()) - CAST(:within AS interval)
RETURNING w.id, w.scope
