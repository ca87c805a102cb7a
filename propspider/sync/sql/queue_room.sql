-- Rows that the window may still take; null when another process is filling it right now. Parameters: portal, ceiling, lock.
-- On-demand rows do not count. Index: ix_scrape_queue_ready.
SELECT CASE WHEN pg_try_advisory_xact_lock(:lock, hashtext(:portal)) THEN
    (SELECT greatest(0, :ceiling - count(*)) FROM scrape_queue
     WHERE portal = :portal AND kind = 'detail' AND status = 'pending' AND not_before IS NULL AND queue_reason <> 'on_demand')
END AS room
