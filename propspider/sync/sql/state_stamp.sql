-- Notes the newest detail read of listings. Parameters: property_ids, hashes, observed (arrays of one length).
UPDATE property_state s
SET content_hash = u.content_hash, observed_at = u.observed_at, last_attempt_at = greatest(s.last_attempt_at, u.observed_at)
FROM unnest(CAST(:property_ids AS text[]), CAST(:hashes AS text[]), CAST(:observed AS timestamptz[]))
         AS u (property_id, content_hash, observed_at)
WHERE s.property_id = u.property_id
