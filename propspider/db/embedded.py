"""The PostgreSQL server that starts by itself when DATABASE_URL is unset; it keeps running until `stop`."""

import os
import re
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import fasteners
import psutil
import psycopg
from psycopg import sql

from propspider.db import postmaster
from propspider.db.binaries import Account, EmbeddedError, major_version, programs, server_account
from propspider.db.statedir import APP_ROLE, PORT, Layout, Server, is_private, make_private, make_state_dir, socket_dir_of

__all__ = ["EmbeddedError", "Server", "Status", "ensure", "ensure_database", "status", "stop"]

SUPERUSER = "postgres"
START_SECONDS = 120.0
STOP_SECONDS = 60.0
# Longer than the slowest start of the process that holds it.
LOCK_SECONDS = 300.0

_ROLE_LOCK = 7_160_250_443_091

SETTINGS = """
# propspider
shared_buffers = 256MB
max_connections = 100
idle_in_transaction_session_timeout = '5min'
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = on
log_filename = 'postgresql-%a.log'
log_rotation_age = 1d
log_rotation_size = 0
log_truncate_on_rotation = on
log_line_prefix = '%m [%p] %q%u@%d '
"""

# $0 is the log. Started through a shell that exits at once, the server is nobody's child: no caller keeps it as a zombie.
_DETACH = '"$@" </dev/null >"$0" 2>&1 & echo $!'

_thread_lock = threading.Lock()


@dataclass(frozen=True)
class Status:
    """version is the running server's, else the data directory's major version, else None. size_bytes needs a running server."""

    running: bool
    version: str | None
    pid: int | None
    data_dir: Path
    socket_dir: Path
    log_path: Path
    size_bytes: int | None


def ensure(state_dir: Path, *, pg_bin: Path | None = None) -> Server:
    """Attach to the server of this directory, or create, repair and start it first."""
    layout = _layout(state_dir)
    with _reported(layout):
        server = layout.server()
        if _answers(server):
            return server
        make_state_dir(layout.root)
        with _exclusive(layout):
            server = layout.server()
            return server if _answers(server) else _bring_up(layout, pg_bin)


def ensure_database(server: Server, name: str, *, template: str = "template0") -> bool:
    """True when it was created, as `template` stands. Owned by a role that is no superuser and creates no roles or databases."""
    if re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name) is None:
        raise EmbeddedError(f"not a database name: {name!r} (lower-case letters, digits and _, at most 63)")
    try:
        return _create_database(server, name, template)
    except psycopg.OperationalError as error:
        raise EmbeddedError(f"could not create the database {name}: {error}") from error


def _create_database(server: Server, name: str, template: str) -> bool:
    database, role, source = sql.Identifier(name), sql.Identifier(APP_ROLE), sql.Identifier(template)
    with psycopg.connect(server.url("postgres", SUPERUSER), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_ROLE_LOCK])
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE]).fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE").format(role))
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None:
            return False
        # template1 could be in use by somebody, which makes CREATE DATABASE fail; nobody can connect to template0.
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(database, role, source))
        return True


def stop(state_dir: Path) -> bool:
    """False when no server was running. Open transactions are rolled back."""
    layout = _layout(state_dir)
    with _reported(layout):
        return layout.root.exists() and _stop(layout)


def _stop(layout: Layout) -> bool:
    with _exclusive(layout):
        running = postmaster.find(layout.data)
        if running is not None:
            running.send_signal(signal.SIGINT)
        if not postmaster.wait_until_gone(layout.data, time.monotonic() + STOP_SECONDS):
            raise EmbeddedError(f"the server has not stopped within {STOP_SECONDS:.0f} seconds (log: {layout.newest_log})")
        return running is not None


def status(state_dir: Path) -> Status:
    """Changes nothing, not even a directory that does not exist yet."""
    layout = _layout(state_dir)
    with _reported(layout):
        server = layout.server()
        running = postmaster.find(layout.data)
        facts = _ask(server, "SELECT current_setting('server_version'), sum(pg_database_size(oid)) FROM pg_database")
        version_file = layout.data / "PG_VERSION"
        return Status(
            running=facts is not None,
            version=facts[0] if facts else version_file.read_text().strip() if version_file.exists() else None,
            pid=running.pid if running else None,
            data_dir=layout.data,
            socket_dir=server.socket_dir,
            log_path=layout.newest_log,
            size_bytes=int(facts[1]) if facts else None,
        )


def _layout(state_dir: Path) -> Layout:
    if os.name != "posix":
        raise EmbeddedError("the embedded server needs Linux or macOS: set DATABASE_URL to use a PostgreSQL server")
    root = state_dir.expanduser().resolve()
    if re.search(r'["$`\\]', str(root)):
        # initdb builds shell commands from paths and does not escape these.
        raise EmbeddedError(f'the path of the state directory may not contain ", $, ` or \\: {root}')
    return Layout(root)


@contextmanager
def _reported(layout: Layout) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise EmbeddedError(f"embedded server: {where}{error.strerror or error} (log: {layout.start_log})") from error
    except psutil.AccessDenied as error:
        raise EmbeddedError(f"the server in {layout.root} (pid {error.pid}) belongs to another user") from error


@contextmanager
def _exclusive(layout: Layout) -> Iterator[None]:
    # The file lock belongs to the process, so that threads need one of their own.
    lock = fasteners.InterProcessLock(layout.root / ".lock")
    with _thread_lock:
        if not lock.acquire(timeout=LOCK_SECONDS):
            raise EmbeddedError(f"another process has been starting or stopping the server for {LOCK_SECONDS:.0f} seconds")
        try:
            yield
        finally:
            lock.release()


def _ask(server: Server, statement: LiteralString) -> tuple[str, ...] | None:
    """The first row, as text; None when no server of ours answers."""
    # Checked before each connection: a socket in the system's temp directory could be anybody's.
    if not is_private(server.socket_dir, server_account(server.state_dir / "data")):
        return None
    try:
        with psycopg.connect(server.url("postgres", SUPERUSER), connect_timeout=5) as connection:
            return tuple(str(value) for value in connection.execute(statement).fetchone() or ())
    except psycopg.OperationalError:
        return None


def _answers(server: Server) -> bool:
    return _ask(server, "SELECT 1") is not None


def _bring_up(layout: Layout, pg_bin: Path | None) -> Server:
    account = server_account(layout.data)
    server = Server(layout.root, socket_dir_of(layout.root, account.owner))
    if closed := account.first_unreachable(layout.root, server.socket_dir.parent):
        raise EmbeddedError(
            f"root runs PostgreSQL as the account {account.name}, which may not enter {closed}: "
            "set PROPSPIDER_STATE_DIR to a directory that it can reach, such as /var/lib/propspider"
        )
    if (attached := _settled(layout)) is not None:
        return attached
    make_private(layout.log_dir, account)
    make_private(server.socket_dir, account)
    for leftover in layout.root.glob("data.init-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    bin_dir = programs(layout.root, pg_bin)
    if (layout.data / "PG_VERSION").exists():
        _require_version(layout, bin_dir, account)
    else:
        _initialise(layout, bin_dir, account)
    _clear_remains(layout, server)
    _start(layout, server, bin_dir, account)
    return server


def _settled(layout: Layout) -> Server | None:
    """Wait for whatever still runs there: the server once it answers, None once nothing is left."""
    deadline = time.monotonic() + START_SECONDS
    while running := postmaster.find(layout.data):
        server, written = layout.server(), postmaster.PidFile.read(layout.data)
        if _answers(server):
            return server
        if written and written.ready and not (server.socket_dir / f".s.PGSQL.{PORT}").exists():
            # Somebody cleaned the socket away: it can never be reached again.
            running.send_signal(signal.SIGINT)
        if time.monotonic() > deadline:
            raise EmbeddedError(f"the server (pid {running.pid}) does not answer (log: {layout.newest_log})")
        postmaster.pause()
    if not postmaster.wait_until_gone(layout.data, deadline):
        raise EmbeddedError(f"another server is starting in {layout.data} (log: {layout.newest_log})")
    return None


def _require_version(layout: Layout, bin_dir: Path, account: Account) -> None:
    data = (layout.data / "PG_VERSION").read_text().strip()
    binaries = major_version(bin_dir, account)
    if data != str(binaries):
        raise EmbeddedError(
            f"{layout.data} was written by PostgreSQL {data} and {bin_dir} is PostgreSQL {binaries}: set PROPSPIDER_PG_BIN "
            f"to the programs of PostgreSQL {data}, or dump with them and restore into a new state directory"
        )


def _initialise(layout: Layout, bin_dir: Path, account: Account) -> None:
    """Aside, then renamed: a killed initdb never leaves half a cluster under the real name."""
    aside = Path(tempfile.mkdtemp(prefix="data.init-", dir=layout.root))
    try:
        if account.uid is not None:
            os.chown(aside, account.uid, account.gid or -1)
        # C.UTF-8 by name: an uninstalled LANG stops initdb, and plain C breaks lower() and trigrams outside ASCII.
        options = ("-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--data-checksums")
        done = account.run(bin_dir / "initdb", "-D", aside, *options)
        if done.returncode != 0:
            raise EmbeddedError(
                f"PostgreSQL could not create its data in {layout.root}: {_reason(done.stderr)} (log: {layout.start_log})"
            )
        # The directory belongs to the account: as root, do not follow a link that it may have put there.
        with os.fdopen(os.open(aside / "postgresql.conf", os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW), "a") as settings:
            settings.write(SETTINGS)
        aside.rename(layout.data)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _clear_remains(layout: Layout, server: Server) -> None:
    """Lock files of a dead server stop the next one when their pid is in use again, or was never written."""
    written = postmaster.PidFile.read(layout.data)
    if written is not None and (written.pid is None or psutil.pid_exists(written.pid)):
        (layout.data / "postmaster.pid").unlink(missing_ok=True)
    for remains in server.socket_dir.glob(".s.PGSQL.*"):
        remains.unlink(missing_ok=True)


FULL_BYTES = 1 << 20
"""What is left of a full disk: less than one segment of a log."""


def _start(layout: Layout, server: Server, bin_dir: Path, account: Account) -> None:
    # Places go on the command line, so that a moved state directory still starts.
    places = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": str(server.socket_dir),
        "unix_socket_permissions": "0700",
        "log_directory": str(layout.log_dir),
    }
    options = [part for name, value in places.items() for part in ("-c", f"{name}={value}")]
    before = {log: log.stat().st_size for log in layout.log_dir.glob("postgresql-*.log")}
    command: list[str | Path] = ["/bin/sh", "-c", _DETACH, layout.start_log, bin_dir / "postgres", "-D", layout.data, *options]
    spawned = account.run(*command, new_session=True)
    deadline = time.monotonic() + START_SECONDS
    while not _answers(server):
        if not (spawned.stdout.strip().isdecimal() and postmaster.alive(int(spawned.stdout))):
            reason = _reason("\n".join([spawned.stderr, *_new_lines(layout, before)]))
            if shutil.disk_usage(layout.data).free < FULL_BYTES and "space" not in reason:
                # A server without room cannot write its reason either.
                reason = f"No space left on device ({reason})"
            raise EmbeddedError(f"PostgreSQL did not start: {reason} (log: {layout.newest_log})")
        if time.monotonic() > deadline:
            raise EmbeddedError(f"PostgreSQL is still starting after {START_SECONDS:.0f} seconds (log: {layout.newest_log})")
        postmaster.pause()


def _new_lines(layout: Layout, before: dict[Path, int]) -> Iterator[str]:
    for log in sorted(layout.log_dir.glob("*.log")):
        yield log.read_bytes()[before.get(log, 0) :].decode(errors="replace")


def _reason(output: str) -> str:
    """The line that says why, without time stamp and pid."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"FATAL|PANIC|error:|cannot|could not|unrecognized|invalid value", line)]
    return re.sub(r"^.*?(?:LOG|FATAL|PANIC|error): +", "", (telling or lines or ["no message"])[0])
