-- Frees what a session held of which something tells that it died. Parameters: session (the beginning of its id, as holders name it).
UPDATE leases SET ttl_seconds = 0, beat_at = clock_timestamp() WHERE holder LIKE '%, session ' || CAST(:session AS text)
