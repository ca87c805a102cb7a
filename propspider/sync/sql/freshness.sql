-- Of each portal: listings shown, how many of them had their detail page read within 7, 14 and 30 days, and the cases of those that may
-- be gone. No parameters.
WITH shown AS (
    SELECT l.portal, count(*) AS listings,
           count(*) FILTER (WHERE s.observed_at > (SELECT app_now()) - interval '7 days') AS within_7_days,
           count(*) FILTER (WHERE s.observed_at > (SELECT app_now()) - interval '14 days') AS within_14_days,
           count(*) FILTER (WHERE s.observed_at > (SELECT app_now()) - interval '30 days') AS within_30_days
    FROM properties_live l LEFT JOIN property_state s ON s.property_id = l.property_id
    WHERE l.status = 'active'
    GROUP BY l.portal
), cases AS (
    SELECT portal, count(*) FILTER (WHERE status = 'open') AS open_cases, count(*) FILTER (WHERE status = 'quarantined') AS quarantined,
           count(*) FILTER (WHERE status = 'confirmed' AND decided_at > (SELECT app_now()) - interval '7 days') AS removed_within_7_days
    FROM removal_cases
    GROUP BY portal
)
SELECT portal, coalesce(listings, 0) AS listings, coalesce(within_7_days, 0) AS within_7_days,
       coalesce(within_14_days, 0) AS within_14_days, coalesce(within_30_days, 0) AS within_30_days,
       coalesce(open_cases, 0) AS open_cases, coalesce(quarantined, 0) AS quarantined,
       coalesce(removed_within_7_days, 0) AS removed_within_7_days
FROM shown FULL JOIN cases USING (portal)
