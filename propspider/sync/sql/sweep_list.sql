-- Walks, the newest first, with what was found of each. Parameters: portal, scope (null = all), most.
SELECT w.id, w.session_id, w.portal, w.scope, w.status, w.verdict, w.reasons, w.pages_wanted, w.pages_fetched, w.pages_failed, w.cards,
       w.entries, w.distinct_listings, w.expected_listings, w.residual, w.first_stated_total, w.last_stated_total, w.cap_hit,
       w.started_at, w.completed_at,
       (SELECT count(*) FROM sweep_parts p WHERE p.sweep_id = w.id AND NOT p.is_split AND p.name <> '') AS parts
FROM sweeps w
WHERE (CAST(:portal AS text) IS NULL OR w.portal = :portal) AND (CAST(:scope AS text) IS NULL OR w.scope = :scope)
ORDER BY w.id DESC
LIMIT :most
