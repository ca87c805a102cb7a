-- The last run of each tier of a portal, and when it was last found due by its schedule. Parameters: portal.
SELECT r.tier_name, r.id, r.status, r.started_at, r.completed_at, r.error_summary, r.metadata,
       (SELECT max(CAST(s.metadata ->> 'scheduled_for' AS timestamptz)) FROM sync_runs s
        WHERE s.portal = r.portal AND s.tier_name = r.tier_name) AS last_scheduled
FROM (
    SELECT DISTINCT ON (tier_name) * FROM sync_runs
    WHERE portal = :portal AND tier_name IS NOT NULL
    ORDER BY tier_name, started_at DESC, id
) r
