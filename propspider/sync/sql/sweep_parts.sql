-- The parts of sweeps, each parent before its children. Parameters: sweep_ids. Index: uq_sweep_parts_name.
SELECT sweep_id, name, parent, property_type, place, price_from, price_to, currency, operation, is_split, first_stated_total,
       last_stated_total, cards, mismatched, cap_hit
FROM sweep_parts
WHERE sweep_id = ANY (CAST(:sweep_ids AS bigint[]))
ORDER BY sweep_id, id
