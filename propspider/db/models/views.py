"""Views, and the functions that stand for the clock. Their migrations hold copies; a test keeps both equal."""

APP_NOW = "CREATE FUNCTION app_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT now()'"
"""The laboratory's own database replaces it; SQL writes (SELECT app_now()) so that it runs once a statement."""
APP_CLOCK = "CREATE FUNCTION app_clock() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT clock_timestamp()'"
"""For what goes on within a transaction, the pace of a host and its pauses; replaced likewise. Leases know real time alone."""

QUEUE_STEP = """CREATE FUNCTION queue_step(priority integer) RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (ARRAY[interval '0', interval '1 hour', interval '6 hours', interval '3 days', interval '7 days'])[priority] $$"""
"""What each priority yields to younger rows; sync.queue.STEPS in SQL."""

VIEWS = {
    "sighting_misses": """
SELECT s.property_id,
       s.portal,
       s.scope,
       s.last_sweep,
       s.last_seen_at,
       s.page_number,
       misses.missed,
       misses.missed_sweeps
FROM manifest_sightings s
LEFT JOIN property_manifest m ON m.property_id = s.property_id
LEFT JOIN property_state state ON state.property_id = s.property_id
CROSS JOIN LATERAL (
    SELECT count(*) AS missed, array_agg(w.id ORDER BY w.id DESC) AS missed_sweeps
    FROM sweeps w
    WHERE w.portal = s.portal AND w.scope = s.scope AND w.verdict = 'complete' AND w.id > s.last_sweep
      AND w.started_at > coalesce(greatest(state.observed_at, state.present_at), '-infinity')
      AND (w.covers_all OR EXISTS (
          SELECT 1 FROM sweep_parts p
          WHERE p.sweep_id = w.id AND p.covered
            AND (p.property_type IS NULL OR p.property_type = m.property_type)
            AND (p.place IS NULL OR p.place = s.place)
            AND (p.currency IS NULL OR EXISTS (
                SELECT 1 FROM property_offers o
                WHERE o.property_id = s.property_id AND o.operation = p.operation AND o.unit = 'total'
                  AND o.currency = p.currency AND NOT o.is_withdrawn
                  AND o.amount BETWEEN coalesce(p.price_from, 0) AND coalesce(p.price_to, o.amount)))))
) misses
""",
    "manifest_status": """
SELECT m.property_id,
       m.portal,
       m.source_url,
       m.listing_page_title,
       price.amount AS listing_page_price,
       price.currency AS listing_page_currency,
       m.first_seen_at,
       seen.last_seen_at,
       sweep.session_id AS seen_in_session_id,
       state.observed_at IS NULL AS is_new,
       coalesce(state.price_moved_at > state.observed_at, false) AS price_changed,
       state.observed_at IS NULL OR coalesce(state.price_moved_at > state.observed_at, false) AS needs_full_scrape
FROM property_manifest m
LEFT JOIN property_state state ON state.property_id = m.property_id
LEFT JOIN LATERAL (
    SELECT max(s.last_seen_at) AS last_seen_at, max(s.last_sweep) AS last_sweep
    FROM manifest_sightings s WHERE s.property_id = m.property_id
) seen ON true
LEFT JOIN sweeps sweep ON sweep.id = seen.last_sweep
LEFT JOIN LATERAL (
    SELECT (array_agg(o.amount ORDER BY o.unit DESC, o.operation DESC))[1] AS amount,
           (array_agg(o.currency ORDER BY o.unit DESC, o.operation DESC))[1] AS currency
    FROM property_offers o WHERE o.property_id = m.property_id AND NOT o.is_withdrawn
) price ON true
""",
    "property_freshness": """
SELECT l.property_id,
       l.portal,
       l.listing_status,
       seen.last_seen_at AS last_manifest_seen_at,
       greatest(seen.last_seen_at, state.observed_at) AS last_seen_at,
       sweep.session_id AS seen_in_session_id,
       seen.page_number,
       coalesce(seen.missing, 0) AS consecutive_missing_count,
       state.observed_at AS last_full_scrape_at,
       state.last_attempt_at,
       price.amount AS price_at_last_manifest,
       CASE
           WHEN l.listing_status = 'relisted' THEN 1
           WHEN state.price_moved_at > state.observed_at THEN 2
           WHEN coalesce(seen.missing, 0) > 0 THEN 3
           WHEN state.observed_at < (SELECT app_now()) - interval '30 days' THEN 4
           ELSE 5
       END AS scrape_priority,
       floor(extract(epoch FROM (SELECT app_now()) - state.observed_at) / 86400)::integer AS data_staleness_days
FROM properties_live l
LEFT JOIN property_state state ON state.property_id = l.property_id
LEFT JOIN LATERAL (
    SELECT max(s.last_seen_at) AS last_seen_at,
           max(s.last_sweep) AS last_sweep,
           (array_agg(s.page_number ORDER BY s.last_seen_at DESC))[1] AS page_number,
           min(s.missed) AS missing
    FROM sighting_misses s WHERE s.property_id = l.property_id
) seen ON true
LEFT JOIN sweeps sweep ON sweep.id = seen.last_sweep
LEFT JOIN LATERAL (
    SELECT (array_agg(o.amount ORDER BY o.operation = l.operation_type DESC NULLS LAST, o.unit DESC))[1] AS amount
    FROM property_offers o WHERE o.property_id = l.property_id AND NOT o.is_withdrawn
) price ON true
""",
    "tier_metrics": """
SELECT portal, tier_level, tier_name, sync_run_id, started_at, taken_at, run_status, duration_seconds, pages_scanned,
       properties_found, new_properties, changed_properties, price_changes, removed_properties, error_count, success_rate
FROM metric_samples
""",
    "queue_metrics": """
SELECT portal, taken_at, queue_pending AS pending, queue_in_progress AS in_progress, queue_dead_letters AS dead_letters,
       round(queue_completed_24h / 24.0, 1) AS completed_per_hour,
       round(queue_failed_24h::numeric / nullif(queue_completed_24h + queue_failed_24h, 0), 3) AS failure_rate,
       queue_by_reason AS settled_by_reason,
       queue_average_wait_seconds AS average_wait_seconds,
       queue_oldest_wait_seconds AS oldest_wait_seconds
FROM metric_samples
""",
    "freshness_metrics": """
SELECT portal, taken_at, listings_shown,
       round(scraped_7_days::numeric / nullif(listings_shown, 0), 3) AS share_7_days,
       round(scraped_14_days::numeric / nullif(listings_shown, 0), 3) AS share_14_days,
       round(scraped_30_days::numeric / nullif(listings_shown, 0), 3) AS share_30_days,
       scraped_7_days AS aged_0_to_7_days,
       scraped_14_days - scraped_7_days AS aged_7_to_14_days,
       scraped_30_days - scraped_14_days AS aged_14_to_30_days,
       listings_shown - scraped_30_days AS stale
FROM metric_samples
""",
    "removal_metrics": """
SELECT portal, taken_at, likely_removed, confirmed_removed_7_days AS confirmed_this_week,
       confirmed_removed_30_days, reappeared_30_days,
       round(reappeared_30_days::numeric / nullif(confirmed_removed_30_days, 0), 3) AS false_positive_rate
FROM metric_samples
""",
    "listing_spans": """
SELECT l.property_id,
       l.first_seen_at,
       CASE WHEN l.listing_status NOT IN ('active', 'relisted') THEN coalesce(greatest(
           (SELECT max(s.last_seen_at) FROM manifest_sightings s WHERE s.property_id = l.property_id), state.observed_at
       ), l.scraped_at) END AS gone_at
FROM properties_live l
LEFT JOIN property_state state ON state.property_id = l.property_id
""",
    "relist_chains": """
WITH spans AS (
    SELECT m.group_id, l.operation_type, l.property_id, span.first_seen_at, span.gone_at, l.currency, l.price,
           coalesce((created.new_value ->> 'price')::numeric, l.price) AS first_price,
           max(coalesce(span.gone_at, 'infinity')) OVER (
               PARTITION BY m.group_id, l.operation_type ORDER BY span.first_seen_at, l.property_id
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM property_group_members m
    JOIN properties_live l ON l.property_id = m.property_id
    JOIN listing_spans span ON span.property_id = m.property_id
    LEFT JOIN LATERAL (
        SELECT c.new_value FROM property_changes c
        WHERE c.property_id = m.property_id AND c.change_type = 'created' ORDER BY c.id LIMIT 1
    ) created ON true
), chained AS (
    SELECT *, count(*) FILTER (WHERE before IS NULL OR first_seen_at > before + interval '90 days') OVER (
        PARTITION BY group_id, operation_type ORDER BY first_seen_at, property_id) AS chain
    FROM spans
), ends AS (
    SELECT group_id, operation_type, chain,
           array_agg(property_id ORDER BY first_seen_at, property_id) AS property_ids,
           min(first_seen_at) AS first_seen_at,
           CASE WHEN bool_and(gone_at IS NOT NULL) THEN max(gone_at) END AS gone_at,
           (array_agg(first_price ORDER BY first_seen_at, property_id))[1] AS first_price,
           (array_agg(price ORDER BY first_seen_at DESC, property_id DESC))[1] AS last_price,
           CASE WHEN count(DISTINCT currency) = 1 THEN min(currency) END AS currency
    FROM chained GROUP BY group_id, operation_type, chain
)
SELECT group_id, operation_type, chain, property_ids, first_seen_at, gone_at,
       floor(extract(epoch FROM coalesce(gone_at, (SELECT app_now())) - first_seen_at) / 86400)::integer AS days_on_market,
       first_price, last_price, currency,
       CASE WHEN currency IS NOT NULL THEN round((last_price - first_price) / nullif(first_price, 0), 4) END AS price_change
FROM ends
""",
}
