"""Long statements, prepared at their first use."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import psycopg
from sqlalchemy import Connection, Insert, Select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

_DIALECT = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


def run(connection: Connection, statement: Insert | Select[Any], parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a statement that was built once and has no values of its own. In the connection's transaction, past SQLAlchemy:
    psycopg looks for parameters anew in each text beyond 4 kB, and the server parses it anew until it has come five times.
    """
    query, names = _compiled(statement)
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    with psycopg.RawCursor(driver) as cursor:
        cursor.execute(query, [parameters[name] for name in names], prepare=True)
        return cursor.fetchall()


@cache
def _compiled(statement: Insert | Select[Any]) -> tuple[bytes, tuple[str, ...]]:
    compiled: Any = statement.compile(dialect=_DIALECT)
    return str(compiled).encode(), tuple(compiled.positiontup)
