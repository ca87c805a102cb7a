"""What lies where below the state directory, and who may enter it."""

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from propspider.db import postmaster
from propspider.db.binaries import Account, EmbeddedError, server_account

PORT = 5432
APP_ROLE = "propspider"

# sun_path holds 108 bytes on Linux and 104 on macOS, the final NUL included.
SOCKET_PATH_BYTES = 100


@dataclass(frozen=True)
class Server:
    state_dir: Path
    socket_dir: Path
    port: int = PORT

    def url(self, database: str, user: str = APP_ROLE) -> str:
        host = quote(str(self.socket_dir), safe="")
        return f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}?host={host}&port={self.port}"


@dataclass(frozen=True)
class Layout:
    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def log_dir(self) -> Path:
        return self.root / "server-log"

    @property
    def start_log(self) -> Path:
        return self.log_dir / "start.log"

    @property
    def newest_log(self) -> Path:
        return max(self.log_dir.glob("*.log"), key=lambda log: log.stat().st_mtime, default=self.start_log)

    def server(self) -> Server:
        """Where a running server says that it listens, else where it would."""
        written = postmaster.PidFile.read(self.data)
        if written is not None and written.socket_dir is not None:
            return Server(self.root, written.socket_dir)
        return Server(self.root, socket_dir_of(self.root, server_account(self.data).owner))


def make_state_dir(root: Path) -> None:
    # As root the server's account must pass through what is made here; what exists already keeps its mode.
    mode = 0o755 if os.geteuid() == 0 else 0o700
    for directory in (path for path in (*reversed(root.parents), root) if not path.exists()):
        directory.mkdir(exist_ok=True)
        directory.chmod(mode)


def socket_dir_of(root: Path, owner: int) -> Path:
    name = f"propspider-{owner}-{hashlib.sha256(os.fsencode(root)).hexdigest()[:12]}"
    places = [root / "socket", Path(tempfile.gettempdir()) / name, Path("/tmp") / name]  # noqa: S108 checked by make_private
    return next((place for place in places if _fits(place)), places[-1])


def _fits(directory: Path) -> bool:
    # To libpq and to the server alike a comma separates two hosts.
    return "," not in str(directory) and len(os.fsencode(directory / f".s.PGSQL.{PORT}.lock")) <= SOCKET_PATH_BYTES


def make_private(directory: Path, account: Account) -> None:
    """Make it if need be; refuse one that others could have prepared (the system's temp directory is open to all)."""
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if stat.S_ISDIR(found.st_mode) and account.uid is not None and found.st_uid == os.geteuid():
        os.chown(directory, account.uid, account.gid or -1, follow_symlinks=False)
    if not is_private(directory, account):
        raise EmbeddedError(f"{directory} is not a private directory of the account that runs the server: remove it")


def is_private(directory: Path, account: Account) -> bool:
    """False for a link too."""
    try:
        found = directory.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == account.owner and not stat.S_IMODE(found.st_mode) & 0o077
