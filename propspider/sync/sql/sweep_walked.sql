-- The pages of sweeps as they were read last. Parameters: sweep_ids. Index: ix_sweep_pages_sweep.
SELECT DISTINCT ON (sweep_id, part, page) sweep_id, part, page, cards, property_ids
FROM sweep_pages
WHERE sweep_id = ANY (CAST(:sweep_ids AS bigint[]))
ORDER BY sweep_id, part, page, id DESC
