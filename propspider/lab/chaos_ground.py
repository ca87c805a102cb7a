"""Where days of chaos pass: a directory with a server of its own, that may be killed."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from propspider.config import Config
from propspider.db import embedded
from propspider.lab.household import end_strays

PREFIX = "propspider-chaos-"

TIERS: Mapping[str, Mapping[str, str]] = {
    "1": {"frequency_hours": "15.5"},
    "2": {"frequency_hours": "24"},
    "3": {"frequency_hours": "72", "stale_days": "0.15"},
    "4": {"enabled": "no"},
}


@dataclass(frozen=True)
class Ground:
    """For one day after another."""

    config: Config

    @property
    def state_dir(self) -> Path:
        return self.config.state_dir


@contextmanager
def ground(pg_bin: Path | None = None) -> Iterator[Ground]:
    """Gone afterwards, with its server; and those with it whose laboratory was killed. Raises embedded.EmbeddedError."""
    for left in Path(tempfile.gettempdir()).resolve().glob(f"{PREFIX}*"):
        maker = re.match(rf"{PREFIX}(\d+)-", left.name)
        if maker and not psutil.pid_exists(int(maker[1])) and left.lstat().st_uid == os.geteuid():
            _remove(left)
    root = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")).resolve()
    root.chmod(0o755)
    try:
        own = Config(
            database_url=None,
            database_direct_url=None,
            scrapyd_url=None,
            pg_bin=pg_bin,
            state_dir_override=root / "state",
            tiers=TIERS,
            portals={},
        )
        embedded.ensure(own.state_dir, pg_bin=pg_bin)
        yield Ground(own)
    finally:
        _remove(root)


def _remove(root: Path) -> None:
    end_strays(root)
    embedded.stop(root / "state")
    shutil.rmtree(root, ignore_errors=True)
