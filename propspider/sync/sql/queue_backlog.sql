-- How full the window is, and how long its head has been due. Parameters: portal. On-demand rows do not count, as in queue_room.
-- Index: ix_scrape_queue_ready. overdue_seconds: since the earliest claim_key of a row that could be claimed; null when there is none.
SELECT count(*) FILTER (WHERE kind = 'detail' AND queue_reason <> 'on_demand') AS pending,
       extract(epoch FROM (SELECT app_now()) - min(claim_key))::float8 AS overdue_seconds
FROM scrape_queue
WHERE portal = :portal AND status = 'pending' AND not_before IS NULL
