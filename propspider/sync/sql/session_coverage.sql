-- What share of a session's listings has each of a handful of columns filled. Parameters: session_id.
-- Index: uq_property_scrapes_staging_session_property.
SELECT count(*) AS listings,
       avg((jsonb_array_length(offers) > 0)::integer)::float8 AS offers,
       avg((description IS NOT NULL)::integer)::float8 AS description,
       avg((property_type IS NOT NULL)::integer)::float8 AS property_type,
       avg((city IS NOT NULL)::integer)::float8 AS city,
       avg((latitude IS NOT NULL)::integer)::float8 AS latitude,
       avg((bedrooms IS NOT NULL)::integer)::float8 AS bedrooms,
       avg((total_area_m2 IS NOT NULL)::integer)::float8 AS total_area_m2,
       avg((main_image_url IS NOT NULL OR image_urls IS NOT NULL)::integer)::float8 AS images
FROM property_scrapes_staging
WHERE session_id = :session_id
