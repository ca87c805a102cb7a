"""`enable_postgis`: on Debian's PostgreSQL 15 where its PostGIS is installed, and what it says where it is not."""

from collections.abc import Iterator
from math import cos, radians, sin
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Engine, text

from propspider.db import migrate
from propspider.db.engine import create_engine
from propspider.db.postgis import PostgisUnavailable, enable_postgis
from propspider.items import PropertyItem
from propspider.sync.promote import promote
from tests.builders import column, item, listing, new_session, one, rows, scalar
from tests.postgres.test_dump_restore import NEWER_SETTING, contents, dump, fill, restore
from tests.support.cluster import Cluster

CREATE = "CREATE EXTENSION postgis"
LATITUDE, LONGITUDE = 20.67, -103.35
METRES_A_DEGREE = 111_320
SPHERE_ERROR = 0.006
"""In Mexico. A meridian is flatter than the sphere: 0.55 % too far north to south there, 0.7 % at the equator."""

# The cube's distance is the chord; this is the way along the surface of its sphere.
DISTANCES = """
WITH centre AS (
    SELECT cube(ARRAY[6378168 * cos(radians(:latitude)) * cos(radians(:longitude)),
                      6378168 * cos(radians(:latitude)) * sin(radians(:longitude)),
                      6378168 * sin(radians(:latitude))]) AS cube,
           ST_SetSRID(ST_MakePoint(:longitude, :latitude), 4326) AS point)
SELECT property_id,
       2 * 6378168 * asin(cube_distance(location, centre.cube) / 2 / 6378168) AS by_cube,
       ST_Distance(location_point::geography, centre.point::geography) AS by_postgis
FROM properties_live, centre WHERE location IS NOT NULL ORDER BY property_id
"""
WITHIN = """
SELECT property_id FROM properties_live, (SELECT ST_SetSRID(ST_MakePoint(:longitude, :latitude), 4326) AS point) centre
WHERE location_point && ST_Expand(centre.point, :degrees)
  AND ST_DWithin(location_point::geography, centre.point::geography, :metres)
"""


@pytest.fixture(scope="module")
def postgis_cluster(fifteen_cluster: Cluster) -> Cluster:
    with fifteen_cluster.admin() as connection:
        found = connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'").fetchone()
    if found is None:
        pytest.skip("no PostGIS for PostgreSQL 15 (Debian 12: apt-get install postgresql-15-postgis-3)")
    return fifteen_cluster


@pytest.fixture
def url(postgis_cluster: Cluster) -> Iterator[str]:
    """A migrated database whose owner is not a superuser."""
    with postgis_cluster.database() as url:
        migrate.upgrade(url)
        yield url


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    yield engine
    engine.dispose()


def _as_admin(cluster: Cluster, url: str, *statements: str) -> None:
    database = str(conninfo_to_dict(url)["dbname"])
    with psycopg.connect(make_conninfo(cluster.admin_url, dbname=database), autocommit=True) as admin:
        for statement in statements:
            admin.execute(statement.encode())


def _store(engine: Engine, *items: PropertyItem) -> None:
    session = new_session(engine, "detail")
    with engine.begin() as connection:
        promote(connection, session, items)


def _on_a_spiral(number: int, **facts: Any) -> PropertyItem:
    """`number` * 500 m from the centre, give or take what a degree is not."""
    away, angle = number * 500 / METRES_A_DEGREE, number * 2.4
    return item(
        number,
        latitude=LATITUDE + away * cos(angle),
        longitude=LONGITUDE + away * sin(angle) / cos(radians(LATITUDE)),
        **facts,
    )


def test_the_owner_adds_the_column_once_a_superuser_has_created_the_extension(url: str, postgis_cluster: Cluster) -> None:
    with pytest.raises(PostgisUnavailable, match=f"only a superuser.*{CREATE} in the database {conninfo_to_dict(url)['dbname']}"):
        enable_postgis(url)
    _as_admin(postgis_cluster, url, CREATE)
    assert enable_postgis(url).startswith("added location_point and its index to properties_live (PostGIS 3.")
    assert enable_postgis(url).startswith("location_point is there already (PostGIS 3.")
    migrate.check(url)


def test_a_superuser_needs_nobody(url: str, postgis_cluster: Cluster) -> None:
    admin_url = make_conninfo(postgis_cluster.admin_url, dbname=str(conninfo_to_dict(url)["dbname"]))
    assert enable_postgis(admin_url).startswith("added")
    migrate.check(url)


def test_the_extension_may_live_in_a_schema_of_its_own(url: str, engine: Engine, postgis_cluster: Cluster) -> None:
    schema = 'SCHEMA "Geo, apart"'
    _as_admin(postgis_cluster, url, f"CREATE {schema}", f"{CREATE} {schema}", f"GRANT USAGE ON {schema} TO PUBLIC")
    assert enable_postgis(url).startswith("added")
    _store(engine, _on_a_spiral(1))
    assert scalar(engine, "SELECT count(location_point) FROM properties_live") == 1


def test_listings_get_their_point_and_lose_it(url: str, engine: Engine, postgis_cluster: Cluster) -> None:
    _store(engine, _on_a_spiral(1), item(2, latitude=None, longitude=None))
    _as_admin(postgis_cluster, url, CREATE)
    enable_postgis(url)
    point = "SELECT ST_X(location_point) AS x, ST_Y(location_point) AS y FROM properties_live"
    before = one(engine, f"{point} WHERE property_id = :id", id=listing(1))
    known = one(engine, "SELECT longitude AS x, latitude AS y FROM properties_live WHERE property_id = :id", id=listing(1))
    assert before == known
    assert one(engine, f"{point} WHERE property_id = :id", id=listing(2)) == {"x": None, "y": None}

    _store(engine, _on_a_spiral(3, minute=5), item(1, minute=5, latitude=21.0, longitude=-104.0))
    assert one(engine, f"{point} WHERE property_id = :id", id=listing(1)) == {"x": -104.0, "y": 21.0}
    assert one(engine, f"{point} WHERE property_id = :id", id=listing(3))["x"] is not None
    assert "location_point" not in column(engine, "SELECT field_name FROM property_changes")
    assert scalar(engine, "SELECT count(*) FROM property_changes WHERE new_value ? 'location_point'") == 0


def test_both_ways_to_measure_agree(url: str, engine: Engine, postgis_cluster: Cluster) -> None:
    _store(engine, *map(_on_a_spiral, range(1, 121)))
    _as_admin(postgis_cluster, url, CREATE)
    enable_postgis(url)
    centre = {"latitude": LATITUDE, "longitude": LONGITUDE}
    measured = rows(engine, DISTANCES, **centre)
    assert len(measured) == 120
    for row in measured:
        assert row["by_cube"] == pytest.approx(row["by_postgis"], rel=SPHERE_ERROR), row

    for metres in (2_000, 10_250, 40_250):
        degrees = 1.01 * metres / METRES_A_DEGREE / cos(radians(LATITUDE))
        found = set(column(engine, WITHIN, degrees=degrees, metres=metres, **centre))
        by_cube = {row["property_id"] for row in measured if row["by_cube"] <= metres}
        # What only one of them finds lies on the rim.
        rim = {row["property_id"] for row in measured if abs(row["by_postgis"] - metres) <= SPHERE_ERROR * metres}
        assert found ^ by_cube <= rim
        assert len(found) >= metres // 500 - 2


def test_the_index_serves_the_box(url: str, engine: Engine, postgis_cluster: Cluster) -> None:
    _as_admin(postgis_cluster, url, CREATE)
    enable_postgis(url)
    parameters = {"latitude": LATITUDE, "longitude": LONGITUDE, "degrees": 0.02, "metres": 2_000}
    with engine.connect() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(connection.execute(text(f"EXPLAIN {WITHIN}"), parameters).scalars())
    assert "ix_properties_live_location_point" in plan


def test_a_dump_goes_where_postgis_is_and_after_two_statements_anywhere(
    url: str, engine: Engine, postgis_cluster: Cluster, empty_database_url: str
) -> None:
    fill(url)
    without = contents(url)
    _as_admin(postgis_cluster, url, CREATE)
    enable_postgis(url)
    with postgis_cluster.database() as there:
        _as_admin(postgis_cluster, there, CREATE)
        restore(NEWER_SETTING.sub("", dump(url, "--exclude-extension=postgis")), there)
        assert contents(there) == contents(url) != without
        migrate.check(there)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE properties_live DROP COLUMN location_point")
    _as_admin(postgis_cluster, url, "DROP EXTENSION postgis")
    restore(dump(url), empty_database_url)
    assert contents(empty_database_url) == without


def test_another_role_than_the_owner_is_told_so(url: str, postgis_cluster: Cluster) -> None:
    _as_admin(postgis_cluster, url, CREATE, "CREATE ROLE passer_by LOGIN")
    try:
        with pytest.raises(PostgisUnavailable, match="only the owner of properties_live"):
            enable_postgis(make_conninfo(url, user="passer_by"))
    finally:
        _as_admin(postgis_cluster, url, "DROP ROLE passer_by")


def test_a_server_without_postgis_is_told_apart(database_url: str, cluster: Cluster) -> None:
    with cluster.admin() as connection:
        if connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'").fetchone():
            pytest.skip("this server has PostGIS")
    with pytest.raises(PostgisUnavailable, match="has no PostGIS: install it"):
        enable_postgis(database_url)
    migrate.check(database_url)


def test_a_database_without_our_tables_is_told_apart(empty_database_url: str) -> None:
    with pytest.raises(PostgisUnavailable, match="run `propspider db upgrade` first"):
        enable_postgis(empty_database_url)
