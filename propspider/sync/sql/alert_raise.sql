-- Opens an alert or renews the open one. Parameters: portal, kind, subject, severity, message, details. Index: uq_alerts_open.
-- One that becomes more severe is delivered anew, unless somebody has acknowledged it.
INSERT INTO alerts AS a (portal, kind, subject, severity, message, details)
VALUES (:portal, :kind, :subject, :severity, :message, CAST(:details AS jsonb))
ON CONFLICT (portal, kind, subject) WHERE resolved_at IS NULL DO UPDATE
SET times = a.times + 1, last_at = (SELECT app_now()), severity = excluded.severity, message = excluded.message,
    details = excluded.details,
    delivered_at = CASE WHEN (a.severity, excluded.severity) IN (('info', 'warning'), ('info', 'critical'), ('warning', 'critical'))
                        THEN NULL ELSE a.delivered_at END,
    accepted_by = CASE WHEN (a.severity, excluded.severity) IN (('info', 'warning'), ('info', 'critical'), ('warning', 'critical'))
                        THEN '{}' ELSE a.accepted_by END
RETURNING id
