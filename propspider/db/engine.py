"""Where a connection comes from. Callers begin and commit; everything below them takes a connection."""

from functools import lru_cache

import psycopg
import sqlalchemy
from sqlalchemy.pool import QueuePool

from propspider.config import Config, load
from propspider.db import arrays

APPLICATION = "propspider"
CONNECT_SECONDS = 10


class DatabaseUnavailable(RuntimeError):
    """One line for the user: what could not be reached, without a password."""


class SchemaOutdated(DatabaseUnavailable):
    """The database's schema is not this code's; nothing migrates a DATABASE_URL unasked."""


def create_engine(url: str, *, pooled: bool = False, size: int = 4) -> sqlalchemy.Engine:
    """`url` is any libpq connection string. Behind a transaction-mode pooler nothing is prepared on the server: where one is
    noticed, and where `pooled` says that there is one.
    """

    def connect() -> psycopg.Connection:
        connection = psycopg.connect(url, application_name=APPLICATION, connect_timeout=CONNECT_SECONDS)
        if pooled or goes_through_pooler(connection):
            connection.prepare_threshold = None
        arrays.register(connection)
        return connection

    return sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=connect, poolclass=QueuePool, pool_size=size, max_overflow=4, pool_pre_ping=True
    )


def goes_through_pooler(connection: psycopg.Connection) -> bool:
    """Whether another program than the server took the connection, whatever its mode. The connection must be idle."""
    connection.autocommit = True
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    connection.autocommit = False
    # A pooler answers the start of a session itself, with a cancel key of its own.
    return row is not None and row[0] != connection.info.backend_pid


def resolve_url(config: Config) -> str:
    """The libpq URL to use: DATABASE_URL, or the embedded server's, which is started and migrated.

    Raises DatabaseUnavailable, and SchemaOutdated only for a DATABASE_URL.
    """
    if config.database_url is not None:
        return config.database_url.get_secret_value()
    from propspider.db import embedded, migrate

    try:
        server = embedded.ensure(config.state_dir, pg_bin=config.pg_bin)
        embedded.ensure_database(server, config.database)
    except embedded.EmbeddedError as error:
        raise DatabaseUnavailable(str(error)) from error
    url = server.url(config.database)
    if not migrate.is_current(url):
        migrate.upgrade(url)
    return url


def open_engine(config: Config) -> sqlalchemy.Engine:
    """A connected engine on a schema of this code's revision. Raises DatabaseUnavailable, SchemaOutdated."""
    from propspider.db import migrate
    from propspider.db.revision import HEAD

    try:
        url = resolve_url(config)
        found = migrate.current(url)
    except (psycopg.Error, sqlalchemy.exc.DBAPIError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise DatabaseUnavailable(f"database cannot be reached: {reason}") from error
    if found != HEAD:
        state = f"is at revision {found}" if found else "has no propspider tables"
        raise SchemaOutdated(f"database {state}, this version needs {HEAD}: run `propspider db upgrade`")
    return create_engine(url, pooled=config.database_direct_url is not None)


@lru_cache(maxsize=1)
def get_engine() -> sqlalchemy.Engine:
    """The process's engine, opened on first use. Raises as `open_engine`."""
    return open_engine(load())
