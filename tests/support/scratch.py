"""Directories that a server under another account can reach: pytest's own are closed to all but their owner."""

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

PREFIX = "propspider-test-"


@contextlib.contextmanager
def scratch_directory() -> Iterator[Path]:
    """Directly below the system's temp directory. At the end its servers are killed and it is deleted."""
    root = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")).resolve()
    root.chmod(0o755)
    try:
        yield root
    finally:
        remove(root)


def servers_below(root: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.name().startswith("postgres") and Path(process.cwd()).is_relative_to(root):
                found.append(process)
    return found


def remove(root: Path) -> None:
    servers = servers_below(root)
    for server in servers:
        with contextlib.suppress(psutil.NoSuchProcess):
            server.kill()
    psutil.wait_procs(servers, timeout=10)
    shutil.rmtree(root, ignore_errors=True)


def sweep() -> None:
    """What killed test runs left behind."""
    for left in Path(tempfile.gettempdir()).resolve().glob(f"{PREFIX}*"):
        maker = re.match(rf"{PREFIX}(\d+)-", left.name)
        if maker and not psutil.pid_exists(int(maker[1])) and left.is_dir() and left.lstat().st_uid == os.geteuid():
            remove(left)
