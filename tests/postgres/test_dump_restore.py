"""A database moves between PostgreSQL 15 and the embedded server's version, both ways, with the tools of the newer one."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from propspider.db import migrate
from propspider.db.binaries import ENVIRONMENT, wheel_programs
from propspider.db.engine import create_engine
from propspider.db.models import Base
from propspider.items import ManifestEntry, PropertyItem
from propspider.sync.arrivals import record_pages
from propspider.sync.promote import promote
from tests.builders import column, entry, item, new_session, offer, page, scalar
from tests.postgres.servers import Server
from tests.support.cluster import Cluster

# What the tools of PostgreSQL 17 and newer write at the head of every dump and older servers do not know.
NEWER_SETTING = re.compile(r"^SET transaction_timeout = 0;$\n", re.MULTILINE)
# The mark that security releases of November 2026 leave on columns; a server without them does not know it.
COLUMN_MARK = re.compile(r"^ALTER TABLE ONLY \S+ ALTER COLUMN \S+ SET \(pg_attver=\d+\);$\n", re.MULTILINE)
ROWS = 'SELECT t::text FROM "{table}" t ORDER BY 1'
TITLES = ("Casa en el corazón de la ciudad", "Departamentos amueblados con jardín", "Terreno bardado, escrituración inmediata")


def _entries() -> list[ManifestEntry]:
    return [entry(number, title=TITLES[number % 3]) for number in range(1, 31)]


def _items() -> list[PropertyItem]:
    def place(number: int) -> dict[str, Any]:
        nowhere = number % 5 == 0
        return {
            "latitude": None if nowhere else 14.5 + number * 0.6123,
            "longitude": None if nowhere else -117.1 + number * 1.0457,
        }

    described = "Recámaras y cocinas nuevas"
    return [
        item(number, offer(4_600_000 + number), title=TITLES[number % 3], description=described, **place(number))
        for number in range(1, 31)
    ]


def fill(url: str) -> None:
    """A listing walk, the detail pages, and a second walk on which one price differs and one is not believed."""
    with _engine(url) as engine:
        session = new_session(engine)
        with engine.begin() as connection:
            record_pages(connection, session, [page(*_entries())], pages_wanted=0)
        with engine.begin() as connection:
            promote(connection, new_session(engine, "detail"), _items())
        with engine.begin() as connection:
            later = page(entry(1, offer(4_300_000)), entry(3, offer(46_000)), minute=9)
            record_pages(connection, session, [later], pages_wanted=0)
        assert scalar(engine, "SELECT count(*) FROM properties_live") == 30
        assert scalar(engine, "SELECT count(*) FROM properties_live WHERE location IS NULL") == 6


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def contents(url: str) -> dict[str, list[str]]:
    """Every row as text, generated columns included."""
    with _engine(url) as engine, engine.connect() as connection:
        tables = sorted(Base.metadata.tables)
        return {
            table: column(connection, ROWS.format(table=table)) for table in [*tables, "manifest_status", "property_freshness"]
        }


def _tool(bin_dir: Path, *arguments: str, script: str | None = None) -> "subprocess.CompletedProcess[str]":
    command = [str(bin_dir / arguments[0]), *arguments[1:]]
    return subprocess.run(command, input=script, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False)


def dump(url: str, *options: str) -> str:
    done = _tool(wheel_programs(), "pg_dump", "--no-owner", "--no-privileges", *options, url)
    assert done.returncode == 0, done.stderr
    return done.stdout


def restore(script: str, url: str) -> None:
    script = COLUMN_MARK.sub("", script)
    done = _tool(wheel_programs(), "psql", "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", url, script=script)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(params=["15 to embedded", "embedded to 15", "15 to 15"])
def moved(request: pytest.FixtureRequest, fifteen_cluster: Cluster, cluster: Cluster) -> Iterator[tuple[str, str]]:
    """URLs of a filled database and of its copy, on the other server."""
    source, target = {
        "15 to embedded": (fifteen_cluster, cluster),
        "embedded to 15": (cluster, fifteen_cluster),
        "15 to 15": (fifteen_cluster, fifteen_cluster),
    }[request.param]
    with source.database() as here, target.database() as there:
        migrate.upgrade(here)
        fill(here)
        script = dump(here)
        restore(script if target is cluster else NEWER_SETTING.sub("", script), there)
        yield here, there


def test_every_row_arrives_generated_columns_included(moved: tuple[str, str]) -> None:
    here, there = map(contents, moved)
    assert here["properties_live"]
    assert here["property_changes"]
    for table in here:
        assert there[table] == here[table], table


def test_the_copy_has_this_version_s_schema_and_goes_on_working(moved: tuple[str, str]) -> None:
    _, there = moved
    assert migrate.is_current(there)
    migrate.check(there)
    with _engine(there) as engine:
        session = new_session(engine)
        with engine.begin() as connection:
            counts = record_pages(connection, session, [page(entry(31), entry(2, offer(4_200_000)), minute=30)], pages_wanted=0)
        assert (counts.found, counts.price_changes) == (1, 1)
        prices = "SELECT new_value FROM property_changes WHERE field_name = 'price' ORDER BY id"
        assert column(engine, prices) == [4_300_000, 4_200_000]


def test_tools_of_15_cannot_read_the_embedded_server(fifteen_server: Server, database_url: str) -> None:
    done = _tool(fifteen_server.bin_dir, "pg_dump", database_url)
    assert done.returncode != 0
    assert "server version mismatch" in done.stderr


def test_without_the_filter_15_stops_at_the_first_line_that_it_does_not_know(fifteen_cluster: Cluster, database_url: str) -> None:
    with fifteen_cluster.database() as there:
        done = _tool(wheel_programs(), "psql", "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", there, script=dump(database_url))
    assert done.returncode != 0
    assert 'unrecognized configuration parameter "transaction_timeout"' in done.stderr


def test_a_custom_format_dump_goes_through_pg_restore(fifteen_cluster: Cluster, database_url: str, tmp_path: Path) -> None:
    """The other documented way; older tools cannot read its archive."""
    fill(database_url)
    archive = str(tmp_path / "propspider.dump")
    assert _tool(wheel_programs(), "pg_dump", "-Fc", "-f", archive, database_url).returncode == 0
    text = _tool(wheel_programs(), "pg_restore", "--no-owner", "--no-privileges", "-f", "-", archive).stdout
    with fifteen_cluster.database() as there:
        restore(NEWER_SETTING.sub("", text), there)
        assert contents(there) == contents(database_url)
