"""The schema's history leads to its models, both ways."""

import threading
from typing import LiteralString

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import text

from propspider.db import migrate
from propspider.db.engine import create_engine
from propspider.db.migrate import MigrationFailed
from propspider.db.models.views import APP_CLOCK, APP_NOW, VIEWS
from propspider.db.revision import HEAD

TABLES = """
SELECT count(*) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') AND relname <> 'alembic_version'
"""


def count(url: str, query: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])


def test_up_check_down_and_up_again(empty_database_url: str) -> None:
    assert migrate.current(empty_database_url) is None
    migrate.upgrade(empty_database_url)
    assert migrate.is_current(empty_database_url)
    migrate.check(empty_database_url)
    migrate.downgrade(empty_database_url, "base")
    assert migrate.current(empty_database_url) is None
    assert count(empty_database_url, TABLES) == 0
    assert count(empty_database_url, "SELECT count(*) FROM pg_proc WHERE proname = 'app_now'") == 0
    migrate.upgrade(empty_database_url)
    assert migrate.is_current(empty_database_url)
    migrate.check(empty_database_url)


def test_upgrading_what_is_current_changes_nothing(database_url: str) -> None:
    before = count(database_url, "SELECT max(xmin::text::bigint) FROM pg_class")
    migrate.upgrade(database_url)
    assert count(database_url, "SELECT max(xmin::text::bigint) FROM pg_class") == before


def test_upgrades_at_once_wait_for_each_other(empty_database_url: str) -> None:
    failures: list[BaseException] = []

    def upgrade() -> None:
        try:
            migrate.upgrade(empty_database_url)
        except (psycopg.Error, MigrationFailed) as error:
            failures.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []
    assert migrate.is_current(empty_database_url)


@pytest.mark.parametrize(
    "difference",
    [
        "ALTER TABLE property_offers ADD COLUMN colour text",
        "ALTER TABLE properties_live DROP COLUMN door",
        "DROP INDEX uq_scrape_queue_open",
        "ALTER TABLE property_state ALTER COLUMN portal DROP NOT NULL",
    ],
)
def test_a_schema_that_is_not_the_models_is_told(database_url: str, difference: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(difference)
    with pytest.raises(MigrationFailed, match="upgrade operations detected"):
        migrate.check(database_url)


def test_the_revision_of_the_code_is_the_last_script() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.scripts()))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_the_one_that_the_models_define(view: str, database_url: str) -> None:
    engine = create_engine(database_url)
    definition = text("SELECT pg_get_viewdef(CAST(:name AS regclass))")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE VIEW scratch AS {VIEWS[view]}"))
        expected = connection.execute(definition, {"name": "scratch"}).scalar_one()
        assert connection.execute(definition, {"name": view}).scalar_one() == expected
    engine.dispose()


def test_every_view_of_the_database_is_of_the_models(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        views = connection.execute("SELECT viewname FROM pg_views WHERE schemaname = 'public'").fetchall()
    assert {name for (name,) in views} == VIEWS.keys()


@pytest.mark.parametrize(("function", "definition"), [("app_now", APP_NOW), ("app_clock", APP_CLOCK)])
def test_a_clock_function_is_the_one_that_the_models_define(database_url: str, function: str, definition: LiteralString) -> None:
    body = "SELECT prosrc, provolatile, proparallel, prolang::text FROM pg_proc WHERE proname = %s"
    with psycopg.connect(database_url) as connection:
        stored = connection.execute(body, [function]).fetchall()
        connection.execute(sql.SQL("DROP FUNCTION {} CASCADE").format(sql.Identifier(function)))
        connection.execute(definition)
        assert connection.execute(body, [function]).fetchall() == stored
