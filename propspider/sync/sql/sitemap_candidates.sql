-- Listings of which only the URL is known: in need of a detail page like any other that was never fetched.
-- Parameters: portal, session_id, observed_at, and arrays of one length: property_ids, urls.
INSERT INTO property_manifest (property_id, portal, source_url, first_seen_at, first_seen_session_id, observed_at)
SELECT u.property_id, :portal, u.url, :observed_at, :session_id, :observed_at
FROM unnest(CAST(:property_ids AS text[]), CAST(:urls AS text[])) AS u (property_id, url)
ORDER BY u.property_id
ON CONFLICT (property_id) DO NOTHING
