"""The laboratory's own databases: made for a simulation, recognised by their clock, dropped only where there is one."""

import re
import threading
from datetime import datetime

import psycopg
from psycopg import sql

from propspider.config import Config
from propspider.db import embedded, migrate
from propspider.lab import LaboratoryError
from propspider.lab.travel import CLOCK, GOES_BY_IT

_migrating = threading.Lock()
"""Alembic has one context a process."""
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


class NotOurs(LaboratoryError):
    """A database that no laboratory made; the message names it."""


def create(config: Config, name: str, *, durable: bool = False) -> str:
    """An empty database of the embedded server with a clock of its own, in the place of one that a laboratory left; its URL.
    `durable`: what is committed is on the disk, as in the field.

    Raises NotOurs, embedded.EmbeddedError, migrate.MigrationFailed.
    """
    if not _NAME.fullmatch(name):
        raise NotOurs(f"{name!r} is no name for a database: small letters, digits and _")
    server = embedded.ensure(config.state_dir, pg_bin=config.pg_bin)
    drop(server, name)
    embedded.ensure_database(server, name)
    url = server.url(name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(CLOCK)
    with _migrating:
        migrate.upgrade(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(GOES_BY_IT)
        if not durable:
            # A simulation that is killed is begun anew.
            connection.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name)))
    return url


def url_of(config: Config, name: str) -> str:
    return embedded.ensure(config.state_dir, pg_bin=config.pg_bin).url(name)


def discard(config: Config, name: str) -> None:
    """Raises NotOurs, embedded.EmbeddedError."""
    drop(embedded.ensure(config.state_dir, pg_bin=config.pg_bin), name)


def drop(server: embedded.Server, name: str) -> None:
    """Nothing where there is none. Raises NotOurs."""
    try:
        if not is_ours(server.url(name)):
            raise NotOurs(f"database {name} is not the laboratory's: it has no lab.clock")
    except psycopg.OperationalError:
        return
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def is_ours(url: str) -> bool:
    """Raises psycopg.OperationalError for one that cannot be reached."""
    with psycopg.connect(url, connect_timeout=10) as connection:
        empty = "NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace)"
        found = connection.execute(f"SELECT to_regclass('lab.clock') IS NOT NULL OR {empty}").fetchone()
        return found is not None and bool(found[0])


def begun(url: str) -> datetime | None:
    """The moment at which a simulation left it; None for one that was made for the first."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT at FROM lab.clock WHERE EXISTS (SELECT FROM sync_runs)").fetchone()
        return None if row is None else row[0]


def copy(config: Config, source: str, name: str) -> str:
    """Another database as `source` stands; nobody may be connected to that. Its URL. Raises as `create`."""
    server = embedded.ensure(config.state_dir, pg_bin=config.pg_bin)
    drop(server, name)
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        # A process that has done its part may not have hung up yet; who vacuums is no business of ours.
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
        connection.execute(others, [source])
    embedded.ensure_database(server, name, template=source)
    return server.url(name)
