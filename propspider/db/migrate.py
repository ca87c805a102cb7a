"""Alembic under an advisory lock. Nothing but `propspider db upgrade`, the embedded server's start and tests comes here."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import Script
from alembic.util import CommandError
from sqlalchemy import Connection, text

from propspider.db.engine import CONNECT_SECONDS, create_engine, goes_through_pooler
from propspider.db.revision import HEAD

LOCK = 7_310_001


class MigrationFailed(RuntimeError):
    """Schema and models differ, or a step could not be run; the message says which."""


def scripts() -> Path:
    """The folder of the migrations: inside an installed package, else the checkout's top-level `alembic/`. Raises MigrationFailed
    in a zipped egg, for alembic reads folders only.
    """
    installed = Path(__file__).with_name("migrations")
    for folder in (installed, Path(__file__).resolve().parents[2] / "alembic"):
        if folder.is_dir():
            return folder
    raise MigrationFailed("migrations do not run from an egg: run `propspider db upgrade` of an installed propspider")


def _configured(connection: Connection) -> Config:
    config = Config(output_buffer=io.StringIO(), stdout=io.StringIO())
    config.set_main_option("script_location", str(scripts()))
    config.attributes["connection"] = connection
    return config


@contextlib.contextmanager
def _locked(url: str) -> Iterator[Connection]:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            _require_session(connection)
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
            connection.commit()
            try:
                connection.execute(text("SET lock_timeout = '10s'"))
                connection.execute(text("SET statement_timeout = '10min'"))
                connection.commit()
                yield connection
            finally:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
                connection.commit()
    finally:
        engine.dispose()


def _require_session(connection: Connection) -> None:
    """Behind a pooler the lock and the timeouts would land on connections that other clients use."""
    driver = connection.connection.driver_connection
    if isinstance(driver, psycopg.Connection) and goes_through_pooler(driver):
        raise MigrationFailed(
            "the database is behind a connection pooler, which cannot hold the migrations' lock: "
            "set DATABASE_DIRECT_URL to the server itself"
        )


def upgrade(url: str, revision: str = "head") -> None:
    """Commits step by step; concurrent callers wait for each other. Raises MigrationFailed, psycopg.Error."""
    with _locked(url) as connection:
        command.upgrade(_configured(connection), revision)
        connection.commit()


def downgrade(url: str, revision: str) -> None:
    with _locked(url) as connection:
        command.downgrade(_configured(connection), revision)
        connection.commit()


def check(url: str) -> None:
    """Raises MigrationFailed when models and migrated schema differ."""
    with _locked(url) as connection:
        try:
            command.check(_configured(connection))
        except CommandError as error:
            raise MigrationFailed(str(error)) from error


def revise(url: str, message: str) -> Path:
    """Writes the next revision: what the models have and the database, which is at head, has not."""
    with _locked(url) as connection:
        script = command.revision(_configured(connection), message, autogenerate=True, rev_id=f"{int(HEAD) + 1:04}")
        connection.commit()
    if not isinstance(script, Script):
        raise MigrationFailed("alembic wrote no single script")
    return Path(script.path)


def current(url: str) -> str | None:
    """The database's revision; None for a database without our tables."""
    with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
        found = connection.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchone()
        if not found or not found[0]:
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return row[0] if row else None


def is_current(url: str) -> bool:
    return current(url) == HEAD
