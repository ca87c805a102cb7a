-- When a listing's former URL was kept beside its new one. Parameters: portal, since, until.
SELECT property_id, created_at FROM url_aliases
WHERE portal = :portal AND kind = 'certain'
  AND created_at >= CAST(:since AS timestamptz) AND created_at < CAST(:until AS timestamptz)
ORDER BY created_at
