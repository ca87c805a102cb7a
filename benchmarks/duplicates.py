"""The search for duplicates beside one pass over what it looks at, and what a changed listing costs."""

from collections.abc import Iterator

from sqlalchemy import Engine, text

from benchmarks.ground import Ground, maintain, seconds
from benchmarks.rows import Row, paired
from propspider.quality.duplicates import refresh
from propspider.quality.duplicates.pairs import candidates

ROUNDS = 3
LISTINGS, LISTINGS_LARGE = 50_000, 1_000_000
CHANGED = 1000
TABLES = ("duplicate_features", "duplicate_blocks", "duplicate_edges", "property_groups", "property_group_members")
OF_A_PASS, SECONDS_A_ROW = 100.0, 0.001

# A hundred listings a square kilometre. Four in ten stand on the centre of their neighbourhood, sixteen on each, as portals show
# what hides its place; one in fifty is listed once more, a few metres off and under another title.
_LISTINGS = """
INSERT INTO properties_live (property_id, portal, source_url, title, property_type, address, city, latitude, longitude,
                             total_area_m2, bedrooms, bathrooms, agency_name, offers, first_seen_at, scraped_at)
SELECT 'pincali:EB-' || g, 'pincali', 'https://www.pincali.com/en/home/' || g, 'House number ' || g,
       (ARRAY['house', 'apartment', 'lot'])[1 + one % 3],
       CASE WHEN is_hidden THEN ''
            ELSE 'Calle ' || chr(97 + two % 26) || 'mina ' || two % 1000 || ', ' END || 'Col. ' || hood % 600,
       'City ' || hood % 40,
       20 + abs(hashint4extended(CASE WHEN is_hidden THEN -hood ELSE of END, 3)) % 1000003 / 1000003.0 * side + g % 50 * 0.000001,
       -103 + abs(hashint4extended(CASE WHEN is_hidden THEN -hood ELSE of END, 4)) % 1000003 / 1000003.0 * side,
       60 + one % 300, 1 + two % 4, 1 + one % 2, 'Agency ' || g % 997,
       jsonb_build_array(jsonb_build_object('operation', 'sale', 'currency', 'MXN', 'unit', 'total',
                                            'amount', 600000 + two % 9001 * 1000)),
       now(), now()
FROM (
    SELECT g, of, of % 10 < 4 AS is_hidden, abs(hashint4(of)) / 7 AS one, abs(hashint4(of + 7)) / 7 AS two,
           CAST(1 + abs(hashint4extended(of, 5)) % greatest(CAST(:count AS integer) / 40, 1) AS integer) AS hood,
           sqrt(CAST(:count AS integer) / 100.0) / 111 AS side
    FROM (SELECT g, CASE WHEN g % 50 = 0 THEN g - 1 ELSE g END AS of FROM generate_series(1, CAST(:count AS integer)) g) numbered
) listing
"""
_READ_ONCE = """
SELECT count(*) FROM properties_live
WHERE length(title) + length(address) + length(city) + latitude + longitude + total_area_m2 + bedrooms + length(property_type) > 0
  AND offers IS NOT NULL
"""
_CHANGE = """
UPDATE properties_live SET offers = jsonb_set(offers, '{0,amount}', to_jsonb((offers -> 0 ->> 'amount')::numeric + 1000))
WHERE property_id = ANY (:property_ids)
"""


def rows(ground: Ground) -> Iterator[Row]:
    count = LISTINGS_LARGE if ground.large else LISTINGS
    ground.say(f"duplicates among {count:,} live rows")
    with ground.engine("bench_duplicates") as engine:
        ids = _filled(engine, count)
        passes, a_row = [], []
        for turn in range(ROUNDS):
            ground.say(f"the search for duplicates, round {turn + 1} of {ROUNDS}")
            passes.append(_search(engine, ids))
            a_row.append(_changed(engine, ids[turn :: count // CHANGED][:CHANGED]) / CHANGED)
    yield paired(
        "duplicate candidates of all / one pass over the rows",
        passes,
        target=OF_A_PASS,
        better="lower",
        measure="seconds",
        against="seconds, of the columns that are compared",
        note=f"{count:,} live rows with their keys",
    )
    yield Row(
        name="duplicates of a changed row",
        values=tuple(a_row),
        target=SECONDS_A_ROW,
        better="lower",
        unit="seconds",
        note=f"a row, of {CHANGED:,} in one transaction among {count:,}: features, keys, pairs, scores, groups",
    )


def _filled(engine: Engine, count: int) -> list[str]:
    with engine.begin() as connection:
        connection.execute(text(_LISTINGS), {"count": count})
    ids, _ = refresh.read_all(engine)
    maintain(engine, "properties_live", *TABLES)
    return ids


def _search(engine: Engine, ids: list[str]) -> tuple[float, float]:
    """Seconds of the search for candidates, of one pass."""
    with engine.connect() as connection:
        refresh.prepare(connection)
        search = seconds(lambda: candidates(connection, ids, are_all=True))
        return search, seconds(lambda: connection.execute(text(_READ_ONCE)).all())


def _changed(engine: Engine, ids: list[str]) -> float:
    with engine.begin() as connection:
        connection.execute(text(_CHANGE), {"property_ids": ids})
    with engine.begin() as connection:
        taken = seconds(lambda: refresh.refresh(connection, ids))
    maintain(engine, *TABLES)
    return taken
