-- Stores a verdict. Reasons that the sweep has already stay first. Parameters: sweep_id, verdict, reasons, distinct, expected,
-- residual, covers_all, covered (names of parts).
WITH parts AS (
    UPDATE sweep_parts SET covered = name = ANY (CAST(:covered AS text[])) WHERE sweep_id = :sweep_id
)
UPDATE sweeps
SET verdict = :verdict, reasons = reasons || to_jsonb(CAST(:reasons AS text[])), distinct_listings = :distinct,
    expected_listings = :expected, residual = :residual, covers_all = :covers_all
WHERE id = :sweep_id
