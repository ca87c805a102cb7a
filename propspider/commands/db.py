"""The database: the embedded server's life, the schema, a way in."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from propspider.commands.output import AsJson, cell, console, facts, fail, print_json, say

if TYPE_CHECKING:
    from propspider.config import Config
    from propspider.db.statedir import Server

app = typer.Typer(no_args_is_help=True, help="Start, stop, migrate and look into the database.")

_USER_PASSWORD = re.compile(r"(?<=://)([^/@:]*):[^/@]*(?=@)")
_QUERY_PASSWORD = re.compile(r"(?i)([?&](?:ssl)?password=)[^&]*")


@app.command()
def start() -> None:
    """Start the embedded server, make and migrate its database, and print its URL."""
    from propspider.config import load
    from propspider.db.engine import resolve_url

    say(resolve_url(_embedded_only(load())))


@app.command()
def stop() -> None:
    """Stop the embedded server."""
    from propspider.config import load
    from propspider.db import embedded

    say("stopped" if embedded.stop(load().state_dir) else "the embedded server was not running")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Which database is used, whether it answers, and its schema's revision. Starts nothing."""
    from propspider.config import load

    config = load()
    found = _embedded_status(config) if config.database_url is None else _external_status(config.database_url.get_secret_value())
    if as_json:
        print_json(found)
        return
    # A pid is no quantity.
    shown = {**found, "pid": str(found["pid"])} if found.get("pid") else found
    console().print(facts((name.replace("_", " "), value) for name, value in shown.items()))


@app.command()
def url(
    show_password: Annotated[bool, typer.Option("--show-password", help="Print DATABASE_URL with its password.")] = False,
) -> None:
    """Print the libpq URL; the embedded server is started for it."""
    from propspider.config import load
    from propspider.db.engine import resolve_url

    config = load()
    found = resolve_url(config)
    say(found if show_password or config.database_url is None else masked(found))


@app.command("enable-postgis")
def enable_postgis() -> None:
    """Add location_point, a PostGIS geometry with its index, where the server has PostGIS."""
    from propspider.config import load
    from propspider.db import postgis
    from propspider.db.engine import resolve_url

    config = load()
    direct = config.database_direct_url
    say(postgis.enable_postgis(direct.get_secret_value() if direct is not None else resolve_url(config)))


@app.command()
def upgrade() -> None:
    """Bring the schema to this version: of DATABASE_DIRECT_URL, DATABASE_URL or the embedded database."""
    from propspider.config import load
    from propspider.db import migrate
    from propspider.db.engine import resolve_url

    config = load()
    given = config.database_direct_url or config.database_url
    if given is None:
        say(f"the embedded database is at revision {migrate.current(resolve_url(config))}")
        return
    target = given.get_secret_value()
    before = migrate.current(target)
    migrate.upgrade(target)
    after = migrate.current(target)
    say(f"was at revision {after} already" if before == after else f"upgraded from {before or 'nothing'} to {after}")


@app.command()
def shell() -> None:
    """Open psql on the database."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    from propspider.config import load
    from propspider.db.engine import resolve_url

    config = load()
    psql = _psql(config)
    if psql is None:
        fail("no psql on PATH; `propspider db url` prints what another client needs")
    known = {key: str(value) for key, value in conninfo_to_dict(resolve_url(config)).items()}
    # In the environment, where other users' `ps` does not show it.
    environment = dict(os.environ)
    if password := known.pop("password", None):
        environment["PGPASSWORD"] = password
    os.execve(psql, [psql, make_conninfo(**known)], environment)  # noqa: S606 psql takes the terminal over


@app.command()
def check() -> None:
    """Migrate a throwaway database of the embedded server up and down; fail where models and schema differ."""
    from propspider.db import migrate

    with _throwaway() as target:
        migrate.upgrade(target)
        migrate.check(target)
        migrate.downgrade(target, "base")
        if left := _tables(target):
            fail(f"downgrading to base leaves {', '.join(left)}")
    say("models and migrations agree, and the migrations can be taken back")


@app.command()
def revision(message: Annotated[str, typer.Argument(help="What changes, in a few words.")]) -> None:
    """Write the next migration from what the models have and a throwaway database at head has not; read what it wrote."""
    from propspider.db import migrate

    with _throwaway() as target:
        migrate.upgrade(target)
        written = migrate.revise(target, message)
    say(f"wrote {written}; set propspider/db/revision.py to its revision")


@contextmanager
def _throwaway() -> Iterator[str]:
    """The URL of an empty database of the embedded server, dropped afterwards."""
    from propspider.config import load
    from propspider.db import embedded

    config = load()
    server = embedded.ensure(config.state_dir, pg_bin=config.pg_bin)
    name = f"propspider_check_{os.getpid()}"
    _drop(server, name)
    embedded.ensure_database(server, name)
    try:
        yield server.url(name)
    finally:
        _drop(server, name)


def masked(conninfo: str) -> str:
    """The same URL, or key=value string, with *** for its password."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    if "://" in conninfo:
        return _QUERY_PASSWORD.sub(r"\1***", _USER_PASSWORD.sub(r"\1:***", conninfo))
    known = {key: str(value) for key, value in conninfo_to_dict(conninfo).items()}
    return make_conninfo(**{key: "***" if key.endswith("password") else value for key, value in known.items()})


def _embedded_only(config: "Config") -> "Config":
    if config.database_url is not None:
        fail("DATABASE_URL is set, so the embedded server is not used: unset it first")
    return config


def _embedded_status(config: "Config") -> dict[str, Any]:
    from propspider.db import embedded

    found = embedded.status(config.state_dir)
    facts: dict[str, Any] = {
        "server": "embedded",
        "running": found.running,
        "version": found.version,
        "pid": found.pid,
        "database": config.database,
        "data_dir": str(found.data_dir),
        "socket_dir": str(found.socket_dir),
        "log_path": str(found.log_path),
        "size_bytes": found.size_bytes,
    }
    if found.running:
        facts |= _revision(embedded.Server(config.state_dir, found.socket_dir).url(config.database))
    return facts


def _external_status(url: str) -> dict[str, Any]:
    return {"server": "DATABASE_URL", "url": masked(url), **_revision(url)}


def _revision(url: str) -> dict[str, Any]:
    """`reachable` False comes with the server's own reason."""
    import psycopg

    from propspider.commands.errors import message_of
    from propspider.db import migrate
    from propspider.db.revision import HEAD

    try:
        found = migrate.current(url)
    except psycopg.Error as error:
        return {"reachable": False, "reason": cell(message_of(error)).plain, "revision": None, "revision_needed": HEAD}
    return {"reachable": True, "revision": found, "revision_needed": HEAD}


def _psql(config: "Config") -> str | None:
    from propspider.db.binaries import EmbeddedError, wheel_programs

    if (on_path := shutil.which("psql")) is not None:
        return on_path
    if config.pg_bin is not None:
        return shutil.which("psql", path=config.pg_bin)
    try:
        return shutil.which("psql", path=wheel_programs())
    except EmbeddedError:
        return None


def _tables(url: str) -> list[str]:
    import psycopg

    query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1"
    with psycopg.connect(url) as connection:
        return [name for (name,) in connection.execute(query)]


def _drop(server: "Server", name: str) -> None:
    import psycopg
    from psycopg import sql

    from propspider.db.embedded import SUPERUSER

    with psycopg.connect(server.url("postgres", SUPERUSER), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
