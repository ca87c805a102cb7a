"""The laboratory's own databases: made for a simulation, recognised by their clock, dropped only where there is one."""

import re
from datetime import datetime

import psycopg
from psycopg import sql

from propspider.config import Config
from propspider.db import embedded, migrate
from propspider.lab.travel import CLOCK

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


class NotOurs(RuntimeError):
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
    migrate.upgrade(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(CLOCK)
        if not durable:
            # A simulation that is killed is begun anew.
            connection.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name)))
    return url


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
        found = connection.execute("SELECT to_regclass('lab.clock') IS NOT NULL").fetchone()
        return found is not None and bool(found[0])


def clock_of(connection: psycopg.Connection) -> datetime:
    row = connection.execute("SELECT at FROM lab.clock").fetchone()
    assert row is not None  # noqa: S101 - CLOCK puts it there
    return row[0]  # type: ignore[no-any-return]
