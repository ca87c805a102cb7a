-- What live rows are compared by, taken from them anew; returns the listings of which something changed. Text loses case, accents and
-- punctuation; of an address the street, its number and the unit are read where the portal does not state them apart.
-- Parameters: property_ids.
INSERT INTO duplicate_features AS known (
    property_id, portal, reference, agency, family, markets, sale, sale_currency, rent, rent_currency, total_area, covered_area, lot_area,
    bedrooms, bathrooms, city, neighborhood, street, house_number, unit, latitude, longitude, title)
WITH plain AS MATERIALIZED (
    SELECT l.property_id, l.portal, l.property_type, l.offers, l.bedrooms, l.bathrooms, l.half_bathrooms, l.total_area_m2,
           l.covered_area_m2, l.lot_size_m2, l.latitude, l.longitude,
           lower(coalesce(l.agency_name, l.agent_email, l.agent_phone)) AS agency,
           lower(coalesce(l.unit, l.door)) AS stated_unit,
           folded.street AS stated_street, folded.neighborhood AS stated_neighborhood, folded.city, folded.title,
           coalesce(folded.street, split_part(folded.address, ',', 1)) AS line,
           split_part(folded.address, ',', 2) AS next_line
    FROM properties_live l
    CROSS JOIN LATERAL (
        SELECT replace(translate(lower(l.address), 'áàâäãåéèêëíìîïóòôöõøúùûüñç.;:#()/"', 'aaaaaaeeeeiiiioooooouuuunc        '), '  ', ' ') AS address,
               replace(translate(lower(l.street), 'áàâäãåéèêëíìîïóòôöõøúùûüñç.;:#()/"', 'aaaaaaeeeeiiiioooooouuuunc        '), '  ', ' ') AS street,
               replace(translate(lower(l.neighborhood), 'áàâäãåéèêëíìîïóòôöõøúùûüñç.;:#()/"', 'aaaaaaeeeeiiiioooooouuuunc        '), '  ', ' ') AS neighborhood,
               replace(translate(lower(l.city), 'áàâäãåéèêëíìîïóòôöõøúùûüñç.;:#()/"', 'aaaaaaeeeeiiiioooooouuuunc        '), '  ', ' ') AS city,
               replace(translate(lower(l.title), 'áàâäãåéèêëíìîïóòôöõøúùûüñç.;:#()/"', 'aaaaaaeeeeiiiioooooouuuunc        '), '  ', ' ') AS title
    ) folded
    WHERE l.property_id = ANY (CAST(:property_ids AS text[]))
), halves AS MATERIALIZED (
    SELECT plain.*, CASE WHEN line LIKE ANY (ARRAY['% int%', '% dep%', '% dpto%', '% apt%', '% apto%', '% unit%']) THEN
               regexp_match(line, '^(.*) (int|interior|depto|dpto|departamento|apt|apto|unit) *([0-9a-z-]+)') END AS half
    FROM plain
), read AS MATERIALIZED (
    SELECT halves.*, coalesce(half[1], line) AS door, coalesce(stated_unit, half[3]) AS unit,
           CASE WHEN line ~ '[0-9]' AND (stated_street IS NOT NULL OR split_part(ltrim(line), ' ', 1) NOT IN (
               'barrio', 'col', 'colonia', 'fracc', 'fraccionamiento', 'res', 'residencial', 'unidad', 'zona')) THEN substring(coalesce(half[1], line) FROM '.*\m([0-9]+-?[a-z]?)\M') END AS number,
           CASE WHEN split_part(ltrim(line), ' ', 1) IN (
               'av', 'avenida', 'ave', 'blv', 'blvd', 'boulevard', 'c', 'calle', 'callejon', 'calz', 'calzada', 'camino', 'carr', 'carretera',
               'cda', 'cerrada', 'circuito', 'cto', 'eje', 'paseo', 'priv', 'privada', 'prol', 'prolongacion', 'retorno', 'rinconada', 'via'
           ) THEN split_part(ltrim(line), ' ', 1) END AS kind
    FROM halves
), placed AS (
    SELECT read.*, stated_street IS NOT NULL OR number IS NOT NULL OR kind IS NOT NULL AS has_street,
           btrim(substr(ltrim(door), coalesce(length(kind), 0) + 1)) AS named
    FROM read
)
SELECT p.property_id,
       p.portal,
       substring(upper(p.property_id) FROM ':(EB-[A-Z0-9]+)$'),
       p.agency,
       CASE
           WHEN p.property_type = 'apartment' THEN 'apartment'
           WHEN p.property_type = 'building' THEN 'building'
           WHEN p.property_type IN ('house', 'condominium_house', 'villa', 'quinta', 'commercial_house') THEN 'house'
           WHEN p.property_type IN ('lot', 'commercial_lot', 'industrial_lot', 'ranch', 'farm') THEN 'land'
           WHEN p.property_type = 'office' THEN 'office'
           WHEN p.property_type IN ('retail', 'mall_space') THEN 'shop'
           WHEN p.property_type IN ('warehouse', 'industrial_warehouse', 'commercial_storage') THEN 'warehouse'
       END,
       offers.markets,
       offers.sale,
       offers.sale_currency,
       offers.rent,
       offers.rent_currency,
       CASE WHEN p.total_area_m2 > 0 THEN ln(p.total_area_m2::float8) END,
       CASE WHEN p.covered_area_m2 > 0 THEN ln(p.covered_area_m2::float8) END,
       CASE WHEN p.lot_size_m2 > 0 THEN ln(p.lot_size_m2::float8) END,
       p.bedrooms,
       p.bathrooms + 0.5 * coalesce(p.half_bathrooms, 0),
       nullif(btrim(p.city), ''),
       nullif(btrim(regexp_replace(
           coalesce(p.stated_neighborhood, CASE WHEN p.has_street THEN p.next_line ELSE p.line END),
           '^ *(barrio|col|colonia|fracc|fraccionamiento|res|residencial|unidad|zona) +', '')), ''),
       CASE WHEN p.has_street THEN
           nullif(CASE WHEN p.named LIKE '%' || p.number THEN rtrim(left(p.named, -length(p.number))) ELSE p.named END, '') END,
       p.number,
       p.unit,
       p.latitude,
       p.longitude,
       CASE WHEN length(p.title) >= 20 THEN hashtextextended(p.title, 0) END
FROM placed p
CROSS JOIN LATERAL (
    SELECT bit_or(o.market) AS markets,
           min(ln(o.total)) FILTER (WHERE o.market = 1) AS sale,
           min(o.currency) FILTER (WHERE o.market = 1 AND o.total IS NOT NULL) AS sale_currency,
           min(ln(o.total)) FILTER (WHERE o.market = 2) AS rent,
           min(o.currency) FILTER (WHERE o.market = 2 AND o.total IS NOT NULL) AS rent_currency
    FROM (
        SELECT CASE offer ->> 'operation' WHEN 'rent' THEN 2 WHEN 'temporary_rent' THEN 4 ELSE 1 END::smallint AS market,
               offer ->> 'currency' AS currency,
               nullif(greatest((offer ->> 'amount')::float8
                   * CASE WHEN offer ->> 'unit' = 'square_meter' THEN p.total_area_m2::float8 ELSE 1 END, 0), 0) AS total
        FROM jsonb_array_elements(p.offers) offer
    ) o
) offers
ORDER BY p.property_id
ON CONFLICT (property_id) DO UPDATE SET
    portal = excluded.portal, reference = excluded.reference, agency = excluded.agency, family = excluded.family,
    markets = excluded.markets, sale = excluded.sale, sale_currency = excluded.sale_currency, rent = excluded.rent,
    rent_currency = excluded.rent_currency, total_area = excluded.total_area, covered_area = excluded.covered_area,
    lot_area = excluded.lot_area, bedrooms = excluded.bedrooms, bathrooms = excluded.bathrooms, city = excluded.city,
    neighborhood = excluded.neighborhood, street = excluded.street, house_number = excluded.house_number, unit = excluded.unit,
    latitude = excluded.latitude, longitude = excluded.longitude, title = excluded.title
WHERE known.* IS DISTINCT FROM excluded.*
RETURNING property_id
