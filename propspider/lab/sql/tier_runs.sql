-- Runs of tiers that began in a span. Parameters: portal, since, until.
SELECT tier_level, tier_name, status, started_at,
       extract(epoch FROM coalesce(completed_at, (SELECT app_now())) - started_at)::float8 / 3600 AS hours
FROM sync_runs
WHERE portal = :portal AND tier_name IS NOT NULL
  AND started_at >= CAST(:since AS timestamptz) AND started_at < CAST(:until AS timestamptz)
ORDER BY started_at
