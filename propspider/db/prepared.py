"""Long statements, prepared at their first use, and statements that are sent without waiting for each other's answers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import psycopg
from sqlalchemy import Connection, Insert, Select, TextClause
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

_DIALECT = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]

Statement = Insert | Select[Any] | TextClause
"""Built once, without values of its own."""
Rows = psycopg.RawCursor[tuple[Any, ...]]


def run(connection: Connection, statement: Statement, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a statement. In the connection's transaction, past SQLAlchemy: psycopg looks for parameters anew in each text
    beyond 4 kB, and the server parses it anew until it has come five times.
    """
    with _send(driver_of(connection), statement, parameters) as cursor:
        return cursor.fetchall()


class Pipeline:
    def __init__(self, driver: psycopg.Connection[Any]) -> None:
        self._driver = driver

    def send(self, statement: Statement, parameters: Mapping[str, Any]) -> Rows:
        """Its rows can be fetched until something else is sent through SQLAlchemy; fetching waits for the server."""
        return _send(self._driver, statement, parameters)


@contextmanager
def pipeline(connection: Connection) -> Iterator[Pipeline]:
    """The server works on a statement while the next one is prepared for it; the end waits for all of them. After one that fails
    the others are not run, and what asks for an answer next, or the end, raises its error.
    """
    driver = driver_of(connection)
    with driver.pipeline():
        yield Pipeline(driver)


def driver_of(connection: Connection) -> psycopg.Connection[Any]:
    """psycopg's own connection below SQLAlchemy's."""
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    return driver


def _send(driver: psycopg.Connection[Any], statement: Statement, parameters: Mapping[str, Any]) -> Rows:
    query, names = _compiled(statement)
    cursor = psycopg.RawCursor(driver)
    cursor.execute(query, [parameters[name] for name in names], prepare=True)
    return cursor


@cache
def _compiled(statement: Statement) -> tuple[bytes, tuple[str, ...]]:
    compiled: Any = statement.compile(dialect=_DIALECT)
    return str(compiled).encode(), tuple(compiled.positiontup)
