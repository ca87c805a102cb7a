"""PostGIS's point beside the `cube` that everything of ours uses: for consumers who have PostGIS, and never needed."""

from typing import Any

import psycopg
from psycopg import sql
from psycopg.errors import InsufficientPrivilege
from sqlalchemy.types import UserDefinedType

from propspider.db.engine import CONNECT_SECONDS
from propspider.db.migrate import LOCK, MigrationFailed

TABLE = "properties_live"
COLUMN = "location_point"
INDEX = "ix_properties_live_location_point"

_FOREIGN = frozenset({("column", COLUMN), ("index", INDEX), ("table", "spatial_ref_sys")})


class PostgisUnavailable(MigrationFailed):
    """PostGIS is not installed on the server, or this role may not use it; the message says what to do."""


class Geometry(UserDefinedType[str]):
    """So that a schema with PostGIS in it can be reflected."""

    cache_ok = True

    def __init__(self, kind: str = "Geometry", srid: str = "0") -> None:
        self.kind, self.srid = kind, srid

    def get_col_spec(self, **_: Any) -> str:
        return f"geometry({self.kind},{self.srid})"


def is_of_postgis(kind: str, name: str | None) -> bool:
    """What the models do not know and `alembic check` must not take for a difference."""
    return (kind, name) in _FOREIGN


def enable_postgis(url: str) -> str:
    """Adds the stored column location_point and its index, in one transaction; one line that says what was done.

    The table is rewritten under an exclusive lock. Raises PostgisUnavailable, psycopg.Error.
    """
    with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
        connection.execute("SET LOCAL lock_timeout = '10s'")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        if _value(connection, "SELECT to_regclass(%s)", TABLE) is None:
            raise PostgisUnavailable("the database has no propspider tables: run `propspider db upgrade` first")
        version, schema = _extension(connection)
        if _has_column(connection):
            return f"{COLUMN} is there already (PostGIS {version})"
        try:
            _add_column(connection, schema)
        except InsufficientPrivilege as error:
            raise PostgisUnavailable(f"only the owner of {TABLE} can add a column: connect as the role that migrates") from error
    return f"added {COLUMN} and its index to {TABLE} (PostGIS {version})"


def _extension(connection: psycopg.Connection) -> tuple[str, str]:
    """Version and schema; created where that is possible."""
    installed = """SELECT e.extversion, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
        WHERE e.extname = 'postgis'"""
    found = connection.execute(installed).fetchone()
    if found is None:
        if _value(connection, "SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'") is None:
            major = connection.info.server_version // 10000
            raise PostgisUnavailable(
                f"this server has no PostGIS: install it on its machine (Debian: postgresql-{major}-postgis-3); "
                "the embedded server cannot have it"
            )
        try:
            connection.execute("CREATE EXTENSION postgis")
        except InsufficientPrivilege as error:
            name = connection.info.dbname
            raise PostgisUnavailable(
                f"only a superuser can do this part: let one run CREATE EXTENSION postgis in the database {name}, then repeat"
            ) from error
        found = connection.execute(installed).fetchone()
    if found is None:
        raise PostgisUnavailable("the extension postgis was dropped while it was being used")
    return found[0], found[1]


def _has_column(connection: psycopg.Connection) -> bool:
    known = "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = %s AND NOT attisdropped"
    return _value(connection, known, TABLE, COLUMN) is not None


def _add_column(connection: psycopg.Connection, schema: str) -> None:
    # Both functions are strict: no point without both coordinates.
    added = """ALTER TABLE {table} ADD COLUMN {column} {schema}.geometry(Point, 4326)
        GENERATED ALWAYS AS ({schema}.ST_SetSRID({schema}.ST_MakePoint(longitude, latitude), 4326)) STORED"""
    indexed = "CREATE INDEX {index} ON {table} USING gist ({column})"
    names = {"table": TABLE, "column": COLUMN, "schema": schema, "index": INDEX}
    for statement in (added, indexed):
        connection.execute(sql.SQL(statement).format(**{key: sql.Identifier(name) for key, name in names.items()}))


def _value(connection: psycopg.Connection, query: Any, *parameters: str) -> Any:
    row = connection.execute(query, parameters).fetchone()
    return row[0] if row else None
