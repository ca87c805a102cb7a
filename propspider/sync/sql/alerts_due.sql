-- Open alerts that somebody should be told of: what nobody has acknowledged and what was never delivered, or not since a day.
-- Parameters: most, sent (ids to leave out).
SELECT a.id, a.portal, a.kind, a.subject, a.severity, a.message, a.first_at, a.times, a.delivered_at,
       CASE WHEN a.delivered_at IS NULL THEN a.accepted_by ELSE '{}' END AS accepted_by
FROM alerts a
WHERE a.resolved_at IS NULL AND a.acknowledged_at IS NULL AND a.id <> ALL (CAST(:sent AS bigint[]))
  AND (a.delivered_at IS NULL OR a.delivered_at < (SELECT app_now()) - interval '1 day')
ORDER BY array_position(ARRAY['critical', 'warning', 'info'], a.severity), a.first_at, a.id
LIMIT :most
