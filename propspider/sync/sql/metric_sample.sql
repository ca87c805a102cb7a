-- Takes the sample of one run, once. Parameters: run_id, portal, success_rate (null when nothing was asked). No row: it was taken before.
-- Reads the portal's live rows with their state and what its queue settled within a day.
-- Indexes: ix_scrape_queue_completed, ix_removal_cases_decided, ix_property_changes_property, uq_metric_samples_run.
WITH moment AS (
    SELECT (SELECT app_now()) AS now
), settled AS (
    SELECT q.queue_reason, count(*) FILTER (WHERE q.status = 'completed') AS completed,
           count(*) FILTER (WHERE q.status = 'failed') AS failed,
           sum(extract(epoch FROM q.completed_at - q.queued_at)) FILTER (WHERE q.status = 'completed') AS waited
    FROM scrape_queue q, moment
    WHERE q.portal = :portal AND q.completed_at > moment.now - interval '24 hours' AND q.status IN ('completed', 'failed')
    GROUP BY q.queue_reason
), day AS (
    SELECT coalesce(sum(completed), 0) AS completed, coalesce(sum(failed), 0) AS failed,
           (sum(waited) / nullif(sum(completed), 0))::float8 AS waited,
           coalesce(jsonb_object_agg(queue_reason, jsonb_build_object('completed', completed, 'failed', failed)), '{}') AS by_reason
    FROM settled
), waiting AS (
    SELECT count(*) FILTER (WHERE q.status = 'pending') AS pending, count(*) FILTER (WHERE q.status = 'in_progress') AS in_progress,
           count(*) FILTER (WHERE q.status = 'failed') AS dead_letters,
           extract(epoch FROM (SELECT now FROM moment) - min(q.queued_at) FILTER (WHERE q.status = 'pending'))::float8 AS oldest
    FROM scrape_queue q
    WHERE q.portal = :portal AND q.status IN ('pending', 'in_progress', 'failed')
), listings AS (
    SELECT count(*) FILTER (WHERE l.status = 'active') AS shown,
           count(*) FILTER (WHERE l.status = 'active' AND s.observed_at > moment.now - interval '7 days') AS days_7,
           count(*) FILTER (WHERE l.status = 'active' AND s.observed_at > moment.now - interval '14 days') AS days_14,
           count(*) FILTER (WHERE l.status = 'active' AND s.observed_at > moment.now - interval '30 days') AS days_30,
           count(*) FILTER (WHERE l.listing_status = 'likely_removed') AS likely_removed
    FROM moment
    LEFT JOIN properties_live l ON l.portal = :portal
    LEFT JOIN property_state s ON s.property_id = l.property_id
), removed AS (
    SELECT count(*) AS days_30, count(*) FILTER (WHERE c.decided_at > moment.now - interval '7 days') AS days_7,
           count(*) FILTER (WHERE EXISTS (
               SELECT 1 FROM property_changes p
               WHERE p.property_id = c.property_id AND p.change_type = 'reactivated' AND p.created_at >= c.decided_at)) AS reappeared
    FROM removal_cases c, moment
    WHERE c.portal = :portal AND c.status = 'confirmed' AND c.decided_at > moment.now - interval '30 days'
)
INSERT INTO metric_samples (
    portal, sync_run_id, tier_level, tier_name, started_at, run_status, duration_seconds, pages_scanned, properties_found, new_properties,
    changed_properties, price_changes, removed_properties, error_count, success_rate, queue_pending, queue_in_progress,
    queue_dead_letters, queue_completed_24h, queue_failed_24h, queue_by_reason, queue_average_wait_seconds, queue_oldest_wait_seconds,
    listings_shown, scraped_7_days, scraped_14_days, scraped_30_days, likely_removed, confirmed_removed_7_days,
    confirmed_removed_30_days, reappeared_30_days)
SELECT r.portal, r.id, r.tier_level, r.tier_name, r.started_at, r.status,
       extract(epoch FROM coalesce(r.completed_at, moment.now) - r.started_at)::float8, r.pages_scanned, r.properties_in_manifest,
       r.new_properties_found, r.properties_updated, r.price_changes_detected, r.removals_confirmed, r.error_count,
       CAST(:success_rate AS numeric), waiting.pending, waiting.in_progress, waiting.dead_letters, day.completed, day.failed,
       day.by_reason, day.waited, waiting.oldest, listings.shown, listings.days_7, listings.days_14, listings.days_30,
       listings.likely_removed, removed.days_7, removed.days_30, removed.reappeared
FROM sync_runs r, moment, day, waiting, listings, removed
WHERE r.id = :run_id AND r.portal = :portal
ON CONFLICT (sync_run_id) DO NOTHING
RETURNING id
