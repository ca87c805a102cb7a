"""`enable_postgis`: on Debian's PostgreSQL 15 where its PostGIS is installed, and what it says where it is not."""

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine

from propspider.db import migrate
from propspider.db.engine import create_engine
from propspider.db.postgis import PostgisUnavailable, enable_postgis
from propspider.sync.promote import promote
from tests.builders import item, new_session
from tests.support.cluster import Cluster

CREATE = "CREATE EXTENSION postgis"
SETTLED = "(PostGIS 3."
CENTRE = {"latitude": 20.67, "longitude": -103.35}

# The distance on the sphere, along its surface: the cube's is the chord.
DISTANCES = """
WITH centre AS (
    SELECT cube(ARRAY[6378168 * cos(radians(:latitude)) * cos(radians(:longitude)),
                      6378168 * cos(radians(:latitude)) * sin(radians(:longitude)),
                      6378168 * sin(radians(:latitude))]) AS cube,
           ST_SetSRID(ST_MakePoint(:longitude, :latitude), 4326)::geography AS point)
SELECT property_id,
       2 * 6378168 * asin(cube_distance(location, centre.cube) / 2 / 6378168) AS by_cube,
       ST_Distance(location_point::geography, centre.point) AS by_postgis
FROM properties_live, centre WHERE location IS NOT NULL ORDER BY 1
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


def _admin_url(cluster: Cluster, url: str) -> str:
    database = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    return psycopg.conninfo.make_conninfo(cluster.admin_url, dbname=str(database))


@pytest.fixture
def engine(url: str, postgis_cluster: Cluster) -> Iterator[Engine]:
    """Listings on a spiral of 0 to 300 km around the centre, one without a place; then PostGIS."""
    engine = create_engine(url)
    _store(engine, *(_placed(number) for number in range(1, 61)), item(61, latitude=None, longitude=None))
    with psycopg.connect(_admin_url(postgis_cluster, url)) as admin:
        admin.execute(CREATE)
    enable_postgis(url)
    yield engine
    engine.dispose()


def _store(engine: Engine, *items: object) -> None:
    session = new_session(engine, "detail")
    with engine.begin() as connection:
        promote(connection, session, items)  # type: ignore[arg-type]


def test_the_owner_adds_the_column_once_a_superuser_has_created_the_extension(url: str, postgis_cluster: Cluster) -> None:
    database = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    with pytest.raises(PostgisUnavailable, match=f"only a superuser.*{CREATE} in the database {database}"):
        enable_postgis(url)
    with psycopg.connect(_admin_url(postgis_cluster, url)) as admin:
        admin.execute(CREATE)
    assert enable_postgis(url).startswith("added location_point and its index to properties_live (PostGIS 3.")
    assert enable_postgis(url).startswith("location_point is there already (PostGIS 3.")
    migrate.check(url)
