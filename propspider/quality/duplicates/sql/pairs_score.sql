-- What speaks for and against each pair being one property: bits of evidence a feature, what was found, and vetoes (contradictions that
-- no evidence outweighs). The same reference on two portals is the same listing. docs/duplicates.md holds the weights and why.
-- Parameters: first_ids, second_ids (the pairs), floor (of those without a veto only what scores as much; null = all pairs).
-- Indexes: pk_duplicate_features, pk_properties_live.
WITH pairs AS (
    SELECT a.property_id AS property_a, b.property_id AS property_b,
           a.reference = b.reference AS is_same_reference,
           a.portal = b.portal AND a.agency = b.agency AS is_same_agency,
           a.markets & b.markets AS common_markets,
           a.family, a.family <> b.family AS is_other_family,
           least(CASE WHEN a.sale_currency = b.sale_currency THEN abs(a.sale - b.sale) END,
                 CASE WHEN a.rent_currency = b.rent_currency THEN abs(a.rent - b.rent) END) AS price_off,
           least(abs(a.total_area - b.total_area), abs(a.covered_area - b.covered_area), abs(a.lot_area - b.lot_area)) AS area_off,
           abs(a.bedrooms - b.bedrooms) AS bedrooms_off,
           abs(a.bathrooms - b.bathrooms) AS bathrooms_off,
           a.title = b.title AS is_same_title,
           a.city <> b.city AS is_other_city,
           a.unit = b.unit AS is_same_unit,
           a.house_number = b.house_number AS is_same_number,
           CASE WHEN a.street = b.street THEN true ELSE similarity(a.street, b.street) >= 0.35 END AS is_same_street,
           CASE WHEN a.neighborhood = b.neighborhood THEN true
                ELSE similarity(a.neighborhood, b.neighborhood) >= 0.35 END AS is_same_neighborhood,
           6378168 * sqrt(power(radians(a.latitude - b.latitude), 2)
               + power(radians(a.longitude - b.longitude) * cos(radians(a.latitude)), 2)) AS meters
    FROM unnest(CAST(:first_ids AS text[]), CAST(:second_ids AS text[])) given(first_id, second_id)
    JOIN duplicate_features a ON a.property_id = given.first_id
    JOIN duplicate_features b ON b.property_id = given.second_id
), timed AS (
    SELECT p.*, coalesce(x.gone_at <= y.first_seen_at OR y.gone_at <= x.first_seen_at, false) AS is_one_after_the_other
    FROM pairs p
    JOIN listing_spans x ON x.property_id = p.property_a
    JOIN listing_spans y ON y.property_id = p.property_b
), judged AS (
    SELECT t.*,
           CASE WHEN coalesce(is_same_reference, false) THEN '{}' ELSE array_remove(ARRAY[
               CASE WHEN common_markets = 0 THEN 'operation' END,
               CASE WHEN is_other_family THEN 'type' END,
               CASE WHEN bedrooms_off >= 2 OR bathrooms_off >= 2 THEN 'rooms' END,
               CASE WHEN NOT is_same_unit THEN 'unit' END,
               CASE WHEN is_same_agency AND NOT is_one_after_the_other THEN 'agency' END
           ], NULL) END AS vetoes,
           CASE
               WHEN price_off IS NULL THEN 'unknown'
               WHEN price_off <= 0.0005 THEN 'equal'
               WHEN price_off <= 0.01 THEN 'within 1 %'
               WHEN price_off <= 0.03 THEN 'within 3 %'
               WHEN price_off <= 0.06 THEN 'within 6 %'
               WHEN is_one_after_the_other THEN 'another price at another time'
               WHEN price_off <= 0.10 THEN 'within 10 %'
               WHEN price_off <= 0.15 THEN 'within 15 %'
               ELSE 'differs'
           END AS price,
           CASE
               WHEN area_off IS NULL THEN 'unknown'
               WHEN area_off <= 0.002 THEN 'equal'
               WHEN area_off <= 0.03 THEN 'within 3 %'
               WHEN area_off <= 0.06 THEN 'within 6 %'
               WHEN area_off <= 0.10 THEN 'within 10 %'
               WHEN area_off <= 0.15 THEN 'within 15 %'
               WHEN area_off <= 0.25 THEN 'within 25 %'
               ELSE 'differs'
           END AS area,
           CASE
               WHEN bathrooms_off >= 1 THEN 'bathrooms differ'
               WHEN bedrooms_off = 0 THEN 'same bedrooms'
               WHEN bedrooms_off IS NULL THEN 'unknown'
               ELSE 'bedrooms differ'
           END AS rooms,
           CASE
               WHEN is_other_city AND (meters IS NULL OR meters > 250) THEN 'another city'
               WHEN NOT is_same_street AND meters <= 80 THEN 'another street, the same spot'
               WHEN NOT is_same_street THEN 'another street'
               WHEN is_same_street AND NOT is_same_number THEN 'another number in the street'
               WHEN NOT is_same_neighborhood AND is_same_street THEN 'same street, another neighbourhood'
               WHEN NOT is_same_neighborhood THEN 'another neighbourhood'
               WHEN is_same_street AND is_same_number AND is_same_unit THEN 'same unit'
               WHEN is_same_street AND is_same_number AND family IN ('apartment', 'office', 'shop') THEN 'same building'
               WHEN is_same_street AND is_same_number THEN 'same door'
               WHEN is_same_street THEN 'same street'
               WHEN is_same_neighborhood THEN 'same neighbourhood'
               ELSE 'unknown'
           END AS address,
           CASE
               WHEN meters IS NULL THEN 'unknown'
               WHEN meters <= 250 THEN 'within 250 m'
               WHEN meters <= 450 THEN 'within 450 m'
               WHEN meters <= 800 THEN 'within 800 m'
               ELSE 'beyond 800 m'
           END AS distance,
           CASE WHEN is_same_title THEN 'same' WHEN is_same_title IS NULL THEN 'unknown' ELSE 'differs' END AS title
    FROM timed t
), weighed AS (
    SELECT j.property_a, j.property_b, j.vetoes, j.price, j.area, j.rooms, j.address, j.distance, j.title,
           coalesce(j.is_same_reference, false) AS is_same_reference,
           CASE price WHEN 'equal' THEN 4 WHEN 'within 1 %' THEN 2 WHEN 'within 3 %' THEN 1.5 WHEN 'within 6 %' THEN 0.5
               WHEN 'unknown' THEN -1 WHEN 'within 10 %' THEN -2 WHEN 'another price at another time' THEN -2 WHEN 'within 15 %' THEN -5
               ELSE -9 END AS price_bits,
           CASE area WHEN 'equal' THEN 3.5 WHEN 'within 3 %' THEN 1.5 WHEN 'within 6 %' THEN 1 WHEN 'unknown' THEN 0
               WHEN 'within 10 %' THEN 0 WHEN 'within 15 %' THEN -2 WHEN 'within 25 %' THEN -5 ELSE -10 END AS area_bits,
           CASE rooms WHEN 'same bedrooms' THEN 1 WHEN 'unknown' THEN 0 WHEN 'bedrooms differ' THEN -1 ELSE -5 END AS rooms_bits,
           CASE address WHEN 'same unit' THEN 5 WHEN 'same door' THEN 4 WHEN 'same street' THEN 3 WHEN 'same neighbourhood' THEN 2.5
               WHEN 'same building' THEN 4 WHEN 'same street, another neighbourhood' THEN 0.5
               WHEN 'another street, the same spot' THEN -4 WHEN 'another neighbourhood' THEN -2 WHEN 'unknown' THEN -3
               WHEN 'another number in the street' THEN -4 WHEN 'another street' THEN -5 ELSE -10 END
               - CASE WHEN j.family IN ('apartment', 'office', 'shop') AND address <> 'same unit' THEN 2 ELSE 0 END AS address_bits,
           CASE distance WHEN 'within 250 m' THEN 0 WHEN 'unknown' THEN -0.5 WHEN 'within 450 m' THEN -0.5 WHEN 'within 800 m' THEN -6
               ELSE -10 END AS distance_bits,
           CASE title WHEN 'same' THEN 1 ELSE 0 END AS title_bits
    FROM judged j
), summed AS (
    SELECT w.*, CASE WHEN is_same_reference THEN 100
        ELSE price_bits + area_bits + rooms_bits + address_bits + distance_bits + title_bits END::real AS score
    FROM weighed w
)
SELECT property_a, property_b, score, vetoes,
       CASE WHEN is_same_reference THEN jsonb_build_object('reference', jsonb_build_array('equal', 100))
            ELSE jsonb_build_object(
                'price', jsonb_build_array(price, price_bits), 'area', jsonb_build_array(area, area_bits),
                'rooms', jsonb_build_array(rooms, rooms_bits), 'address', jsonb_build_array(address, address_bits),
                'distance', jsonb_build_array(distance, distance_bits), 'title', jsonb_build_array(title, title_bits))
       END AS reasons
FROM summed
WHERE CAST(:floor AS real) IS NULL OR vetoes = '{}' AND score >= CAST(:floor AS real)
