"""What runs on a data directory. A pid in a file proves nothing: it may be recycled, a zombie or half written."""

import contextlib
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import psutil

# A killed postmaster's backends notice within moments; one that is stopped or stuck never would.
ORPHAN_SECONDS = 5.0
POLL_SECONDS = 0.02

_never = Event()


def pause(seconds: float = POLL_SECONDS) -> None:
    """Real time: the laboratory's clock must not hurry a real server."""
    _never.wait(seconds)


@dataclass(frozen=True)
class PidFile:
    """postmaster.pid as far as it is written: None for what is not there yet."""

    pid: int | None
    socket_dir: Path | None
    ready: bool

    @classmethod
    def read(cls, data_dir: Path) -> "PidFile | None":
        try:
            lines = (data_dir / "postmaster.pid").read_text(errors="surrogateescape").splitlines()
        except FileNotFoundError:
            return None
        lines += [""] * 8
        return cls(
            pid=int(lines[0]) if lines[0].isdecimal() else None,
            socket_dir=Path(lines[4]) if lines[4].startswith("/") and lines[5:] else None,
            ready=lines[7].strip() == "ready",
        )


def alive(pid: int) -> bool:
    """A zombie is dead: its parent may never collect it (a container without an init)."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def processes(data_dir: Path) -> dict[int, psutil.Process]:
    """PostgreSQL processes at work in this data directory, by pid: postmaster, backends, orphans, log collector."""
    return {process.pid: process for process in psutil.process_iter() if _works_in(process, data_dir)}


def _works_in(process: psutil.Process, data_dir: Path) -> bool:
    try:
        # A shell that happens to stand in the directory is not a server.
        return bool(process.name().startswith("postgres") and process.cwd() == str(data_dir))
    except psutil.Error:
        return False


def find(data_dir: Path) -> psutil.Process | None:
    """The live postmaster that postmaster.pid names."""
    written = PidFile.read(data_dir)
    if written is None or written.pid is None:
        return None
    try:
        named = psutil.Process(written.pid)
    except psutil.NoSuchProcess:
        return None
    return named if _works_in(named, data_dir) else None


def wait_until_gone(data_dir: Path, deadline: float) -> bool:
    """False when a postmaster is still there at the deadline (of time.monotonic). Orphaned backends are killed."""
    orphaned_since: float | None = None
    while running := processes(data_dir):
        now = time.monotonic()
        if find(data_dir) is not None:
            orphaned_since = None
            if now > deadline:
                return False
        elif orphaned_since is None:
            orphaned_since = now
        elif now - orphaned_since > ORPHAN_SECONDS:
            kill(running)
        pause()
    return True


def kill(orphans: dict[int, psutil.Process]) -> None:
    """Nothing is lost: without a postmaster they can commit nothing more, and recovery replays what they did commit."""
    for orphan in orphans.values():
        with contextlib.suppress(psutil.NoSuchProcess):
            orphan.send_signal(signal.SIGKILL)
