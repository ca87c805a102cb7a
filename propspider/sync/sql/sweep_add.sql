-- Opens a session's walk of a scope, or adds pages to it. Parameters: portal, scope, session_id, pages_wanted, fetched, cards,
-- entries, first_total, last_total (of the whole scope), cap_hit, started (when its first page was fetched). Index: uq_sweeps_session_scope.
INSERT INTO sweeps AS w (portal, scope, session_id, pages_wanted, pages_fetched, cards, entries, first_stated_total,
                         last_stated_total, cap_hit, started_at)
VALUES (:portal, :scope, :session_id, :pages_wanted, :fetched, :cards, :entries, :first_total, :last_total, :cap_hit, :started)
ON CONFLICT (session_id, scope) DO UPDATE
SET pages_fetched = w.pages_fetched + excluded.pages_fetched,
    cards = w.cards + excluded.cards,
    entries = w.entries + excluded.entries,
    first_stated_total = coalesce(w.first_stated_total, excluded.first_stated_total),
    last_stated_total = coalesce(excluded.last_stated_total, w.last_stated_total),
    cap_hit = w.cap_hit OR excluded.cap_hit
RETURNING id
