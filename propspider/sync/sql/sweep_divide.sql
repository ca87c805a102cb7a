-- Notes into which parts a part of a session's sweep is divided; what it was divided into before goes with all below it.
-- Parameters: portal, scope, session_id, pages_wanted, started, parent, and arrays, one entry a child: names, types, places,
-- from_prices, to_prices, currencies, operations. Index: uq_sweeps_session_scope, uq_sweep_parts_name.
WITH RECURSIVE sweep AS (
    INSERT INTO sweeps AS w (portal, scope, session_id, pages_wanted, started_at)
    VALUES (:portal, :scope, :session_id, :pages_wanted, :started)
    ON CONFLICT (session_id, scope) DO UPDATE SET pages_wanted = w.pages_wanted
    RETURNING id
), below AS (
    SELECT p.id, p.name FROM sweep_parts p
    JOIN sweeps w ON w.id = p.sweep_id AND w.session_id = :session_id AND w.scope = :scope
    WHERE p.parent = :parent
    UNION
    SELECT p.id, p.name FROM sweep_parts p
    JOIN sweeps w ON w.id = p.sweep_id AND w.session_id = :session_id AND w.scope = :scope
    JOIN below b ON p.parent = b.name
), gone AS (
    DELETE FROM sweep_parts WHERE id IN (SELECT id FROM below) AND name <> ALL (CAST(:names AS text[]))
), divided AS (
    INSERT INTO sweep_parts AS p (sweep_id, name, is_split)
    SELECT id, :parent, cardinality(CAST(:names AS text[])) > 0 FROM sweep
    ON CONFLICT (sweep_id, name) DO UPDATE SET is_split = excluded.is_split
)
INSERT INTO sweep_parts AS p (sweep_id, name, parent, property_type, place, price_from, price_to, currency, operation)
SELECT s.id, u.name, :parent, u.property_type, u.place, u.price_from, u.price_to, u.currency, u.operation
FROM sweep s,
     unnest(CAST(:names AS text[]), CAST(:types AS text[]), CAST(:places AS text[]), CAST(:from_prices AS numeric[]),
            CAST(:to_prices AS numeric[]), CAST(:currencies AS text[]), CAST(:operations AS text[]))
         AS u (name, property_type, place, price_from, price_to, currency, operation)
ON CONFLICT (sweep_id, name) DO UPDATE SET parent = excluded.parent
