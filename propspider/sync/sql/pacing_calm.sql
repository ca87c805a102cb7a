-- A host answers well again; what comes while it is held answers a request of before. Parameters: host.
UPDATE host_pacing SET strikes = 0
WHERE host = :host AND strikes > 0 AND coalesce(hold_until <= app_clock(), true)
