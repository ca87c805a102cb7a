-- Adds one flush to what its session's listings have filled. Parameters: session_id, filled (jsonb: measure → listings).
UPDATE sync_metadata m
SET filled = (
    SELECT jsonb_object_agg(key, coalesce((m.filled ->> key)::bigint, 0) + value::bigint)
    FROM jsonb_each_text(CAST(:filled AS jsonb))
)
WHERE session_id = :session_id
