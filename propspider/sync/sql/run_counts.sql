-- Adds one flush to its session's metadata, its session and its run, in the transaction of the flush.
-- Parameters: session_id, run_id and the fields of runs.Counts with `stored`.
WITH metadata AS (
    UPDATE sync_metadata
    SET total_scraped = total_scraped + :scraped,
        stored_properties = stored_properties + :stored,
        new_properties = new_properties + :found + :new,
        updated_properties = updated_properties + :updated,
        unchanged_properties = unchanged_properties + :unchanged,
        outdated_properties = outdated_properties + :outdated,
        rejected_properties = rejected_properties + :rejected,
        price_changes = price_changes + :price_changes,
        held_values = held_values + :held,
        queued_properties = queued_properties + :queued,
        removed_properties = removed_properties + :removals_confirmed,
        quality_sum = quality_sum + :quality_sum,
        data_quality_score = round(((quality_sum + :quality_sum) / nullif(stored_properties + :stored, 0))::numeric, 2),
        completeness_rate = round((stored_properties + :stored)::numeric / nullif(total_scraped + :scraped, 0), 2),
        staging_to_live_duration_ms = staging_to_live_duration_ms + :promotion_ms
    WHERE session_id = :session_id
), session AS (
    UPDATE scraping_sessions
    SET pages_fetched = pages_fetched + :pages,
        items_stored = items_stored + :stored,
        error_count = error_count + :errors,
        warning_count = warning_count + :warnings
    WHERE id = :session_id
)
UPDATE sync_runs
SET pages_scanned = pages_scanned + :pages,
    properties_in_manifest = properties_in_manifest + :entries,
    new_properties_found = new_properties_found + :found,
    price_changes_detected = price_changes_detected + :price_changes,
    removals_detected = removals_detected + :removals_detected,
    removals_confirmed = removals_confirmed + :removals_confirmed,
    properties_queued = properties_queued + :queued,
    properties_scraped = properties_scraped + :stored,
    properties_updated = properties_updated + :updated,
    error_count = error_count + :errors
WHERE id = :run_id
