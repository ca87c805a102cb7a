-- How many listings a sweep saw, part by part, and with part null in all. Parameters: sweep_id. Index: ix_sweep_pages_sweep.
SELECT p.part, count(DISTINCT listing) AS distinct
FROM sweep_pages p CROSS JOIN LATERAL unnest(p.property_ids) listing
WHERE p.sweep_id = :sweep_id
GROUP BY GROUPING SETS ((p.part), ())
