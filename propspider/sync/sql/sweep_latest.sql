-- The last walk of each scope, in the order in which they began. Parameters: portal (null = all).
SELECT * FROM (
    SELECT DISTINCT ON (w.portal, w.scope)
           w.id, w.session_id, w.portal, w.scope, w.status, w.verdict, w.reasons, w.pages_wanted, w.pages_fetched, w.pages_failed,
           w.cards, w.entries, w.distinct_listings, w.expected_listings, w.residual, w.first_stated_total, w.last_stated_total,
           w.cap_hit, w.started_at, w.completed_at,
           (SELECT count(*) FROM sweep_parts p WHERE p.sweep_id = w.id AND NOT p.is_split AND p.name <> '') AS parts
    FROM sweeps w
    WHERE CAST(:portal AS text) IS NULL OR w.portal = :portal
    ORDER BY w.portal, w.scope, w.id DESC
) latest
ORDER BY portal, id
