-- Adds pages to parts of a sweep. Parameters: sweep_id and arrays, one entry a part: names, types, places, from_prices, to_prices,
-- currencies, operations, first_totals, last_totals, cards, mismatched, caps. Index: uq_sweep_parts_name.
INSERT INTO sweep_parts AS p (sweep_id, name, property_type, place, price_from, price_to, currency, operation,
                              first_stated_total, last_stated_total, cards, mismatched, cap_hit)
SELECT :sweep_id, u.*
FROM unnest(CAST(:names AS text[]), CAST(:types AS text[]), CAST(:places AS text[]), CAST(:from_prices AS numeric[]),
            CAST(:to_prices AS numeric[]), CAST(:currencies AS text[]), CAST(:operations AS text[]), CAST(:first_totals AS integer[]),
            CAST(:last_totals AS integer[]), CAST(:cards AS integer[]), CAST(:mismatched AS integer[]), CAST(:caps AS boolean[])) u
ON CONFLICT (sweep_id, name) DO UPDATE
SET first_stated_total = coalesce(p.first_stated_total, excluded.first_stated_total),
    last_stated_total = coalesce(excluded.last_stated_total, p.last_stated_total),
    cards = p.cards + excluded.cards,
    mismatched = p.mismatched + excluded.mismatched,
    cap_hit = p.cap_hit OR excluded.cap_hit
