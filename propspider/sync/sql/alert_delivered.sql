-- Notes which services have taken an alert. Parameters: id, severity (as sent), accepted (all that have), is_delivered (these are all).
-- One that became more severe meanwhile is left as it is, so that it is sent anew.
UPDATE alerts
SET delivered_at = CASE WHEN CAST(:is_delivered AS boolean) THEN (SELECT app_now()) END,
    accepted_by = CASE WHEN CAST(:is_delivered AS boolean) THEN '{}' ELSE CAST(:accepted AS text[]) END
WHERE id = :id AND severity = :severity
