"""The rights that docs/postgres.md asks for: enough, and no more than needed."""

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import InsufficientPrivilege

from propspider.db import migrate
from tests.postgres.crawls import Portal, crawl, simulated
from tests.postgres.servers import Server
from tests.support.cluster import Cluster

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "postgres.md"


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    with simulated(30) as portal:
        yield portal


@pytest.fixture
def database(fifteen_server: Server) -> Iterator[str]:
    """Superuser's URL of the database that the document's statements make."""
    with psycopg.connect(fifteen_server.url, autocommit=True) as admin:
        for statement in _documented("roles"):
            admin.execute(statement.encode())
    yield make_conninfo(fifteen_server.url, dbname="listings")
    with psycopg.connect(fifteen_server.url, autocommit=True) as admin:
        admin.execute("DROP DATABASE listings WITH (FORCE)")
        for role in ("listings_owner", "listings_crawler", "listings_reader"):
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def _documented(name: str) -> list[str]:
    """The statements of the document's block that begins with the comment `-- name`."""
    block = re.search(rf"```sql\n-- {name}\b[^\n]*\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert block is not None, f"{DOCUMENT.name} has no block {name!r}"
    return [statement for statement in block[1].split(";\n") if statement.strip()]


def _as(role: str, url: str) -> str:
    return make_conninfo(url, user=role)


def test_the_documented_roles_migrate_crawl_and_read(database: str, portal: Portal, tmp_path: Path) -> None:
    owner, crawler, reader = (_as(f"listings_{role}", database) for role in ("owner", "crawler", "reader"))
    migrate.upgrade(owner)
    migrate.check(owner)
    with psycopg.connect(owner, autocommit=True) as connection:
        for statement in _documented("rights"):
            connection.execute(statement.encode())

    crawl("manifest", portal, tmp_path, {"DATABASE_URL": crawler})
    crawl("detail", portal, tmp_path, {"DATABASE_URL": crawler})
    with psycopg.connect(reader) as connection:
        assert connection.execute("SELECT count(*) FROM properties_live").fetchone() == (30,)
        assert connection.execute("SELECT count(*) FROM property_freshness").fetchone() == (30,)
        with pytest.raises(InsufficientPrivilege):
            connection.execute("DELETE FROM properties_live")
    with psycopg.connect(crawler) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute("ALTER TABLE properties_live ADD COLUMN more text")


def test_migrating_needs_create_on_the_database_for_cube(fifteen_cluster: Cluster) -> None:
    with fifteen_cluster.database() as url:
        name = str(conninfo_to_dict(url)["dbname"])
        with psycopg.connect(fifteen_cluster.admin_url, autocommit=True, dbname=name) as admin:
            admin.execute("CREATE ROLE guest LOGIN")
            admin.execute("GRANT CREATE ON SCHEMA public TO guest")
            try:
                with pytest.raises(Exception, match='permission denied to create extension "cube"'):
                    migrate.upgrade(_as("guest", url))
                admin.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO guest").format(sql.Identifier(name)))
                migrate.upgrade(_as("guest", url))
                migrate.check(_as("guest", url))
            finally:
                admin.execute("DROP OWNED BY guest CASCADE")
                admin.execute("DROP ROLE guest")
