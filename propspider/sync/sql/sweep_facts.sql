-- What a session's sweeps brought, for their verdicts; expected: listings of the complete sweep before. Parameters: session_id.
SELECT w.id, w.scope, w.pages_wanted, w.pages_fetched, w.pages_failed, w.cards, w.entries,
       (SELECT c.distinct_listings FROM sweeps c
        WHERE c.portal = w.portal AND c.scope = w.scope AND c.verdict = 'complete' AND c.id < w.id
        ORDER BY c.id DESC LIMIT 1) AS expected
FROM sweeps w
WHERE w.session_id = :session_id AND w.verdict IS NULL
ORDER BY w.id
