-- What ends with sessions that have ended: their metadata, their open sweeps (partial, if nobody judged them), and runs of no tier that have no running session left.
-- Parameters: session_ids.
WITH ended AS (
    SELECT id, sync_run_id, status, finish_reason, started_at, completed_at FROM scraping_sessions
    WHERE id = ANY (CAST(:session_ids AS uuid[]))
), metadata AS (
    UPDATE sync_metadata m
    SET sync_status = CASE WHEN e.status = 'completed' THEN 'completed' ELSE 'failed' END,
        completed_at = e.completed_at,
        error_summary = CASE WHEN e.status <> 'completed' THEN e.finish_reason END,
        sync_duration_ms = extract(epoch FROM e.completed_at - e.started_at) * 1000
    FROM ended e WHERE m.session_id = e.id
), walks AS (
    UPDATE sweeps w
    SET status = CASE WHEN e.status = 'completed' THEN 'finished' ELSE 'aborted' END, completed_at = e.completed_at,
        verdict = coalesce(w.verdict, 'partial'),
        reasons = CASE WHEN w.verdict IS NULL THEN w.reasons || jsonb_build_array('interrupted: ' || e.finish_reason) ELSE w.reasons END
    FROM ended e WHERE w.session_id = e.id AND w.status = 'running'
)
UPDATE sync_runs r
SET status = e.status,
    completed_at = e.completed_at,
    error_summary = CASE WHEN e.status <> 'completed' THEN e.finish_reason END,
    execution_time_ms = extract(epoch FROM e.completed_at - r.started_at) * 1000
FROM ended e
WHERE r.id = e.sync_run_id AND r.tier_name IS NULL AND r.status = 'running'
  AND NOT EXISTS (SELECT 1 FROM scraping_sessions s WHERE s.sync_run_id = r.id AND s.status = 'running')
