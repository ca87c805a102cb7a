-- Counts pages of a walk that could not be read; opens the walk when its first page failed.
-- Parameters: portal, scope, session_id, pages_wanted, failed, cap_hit. Index: uq_sweeps_session_scope.
INSERT INTO sweeps AS w (portal, scope, session_id, pages_wanted, pages_failed, cap_hit)
VALUES (:portal, :scope, :session_id, :pages_wanted, :failed, :cap_hit)
ON CONFLICT (session_id, scope) DO UPDATE SET pages_failed = w.pages_failed + excluded.pages_failed, cap_hit = w.cap_hit OR excluded.cap_hit
