-- Takes an action back. What it had replaced counts again, or is now replaced by what replaced this one. Parameters: action.
WITH undone AS (
    UPDATE duplicate_decisions SET undone_at = (SELECT app_now())
    WHERE action = CAST(:action AS bigint) AND undone_at IS NULL
    RETURNING property_a, property_b, replaced_by
), restored AS (
    UPDATE duplicate_decisions d SET replaced_by = undone.replaced_by
    FROM undone
    WHERE d.replaced_by = CAST(:action AS bigint) AND d.property_a = undone.property_a AND d.property_b = undone.property_b
    RETURNING d.id
)
SELECT property_a, property_b FROM undone
