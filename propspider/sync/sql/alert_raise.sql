-- Opens an alert or renews the open one. Parameters: portal, kind, subject, severity, message, details. Index: uq_alerts_open.
INSERT INTO alerts AS a (portal, kind, subject, severity, message, details)
VALUES (:portal, :kind, :subject, :severity, :message, CAST(:details AS jsonb))
ON CONFLICT (portal, kind, subject) WHERE resolved_at IS NULL DO UPDATE
SET times = a.times + 1, last_at = (SELECT app_now()), severity = excluded.severity, message = excluded.message,
    details = excluded.details
RETURNING id
