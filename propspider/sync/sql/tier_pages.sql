-- What the last walk of each scope says of its size: listings, and cards a page. Parameters: portal.
SELECT DISTINCT ON (scope)
       scope, greatest(coalesce(distinct_listings, 0), coalesce(last_stated_total, first_stated_total, 0)) AS listings,
       cards::float8 / pages_fetched AS page_size
FROM sweeps
WHERE portal = :portal AND pages_fetched > 0 AND cards > 0
ORDER BY scope, id DESC
