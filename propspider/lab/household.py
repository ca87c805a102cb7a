"""The processes of one laboratory: started, found again wherever they went, killed by their ids."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psutil

MARK = "PROPSPIDER_CLOCK"
"""In the environment of each of them, and of all that they start: the laboratory's own socket."""
END_SECONDS = 10.0


class Household:
    """Processes with this mark; those whose parents died are among them. The server is not, whoever started it."""

    def __init__(self, environment: Mapping[str, str], said: Path) -> None:
        """`said`: the file that takes what they print."""
        self._environment = dict(environment)
        self._mark = self._environment[MARK]
        self._said = said
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str) -> "subprocess.Popen[bytes]":
        with self._said.open("ab") as said:
            child = subprocess.Popen(
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children.append(child)
        return child

    def members(self) -> list[psutil.Process]:
        self._reap()
        return [process for process in psutil.process_iter() if self.has(process.pid)]

    def spiders(self) -> list[psutil.Process]:
        found = []
        for process in self.members():
            with contextlib.suppress(psutil.Error):
                if {"scrapy", "crawl"} <= set(process.cmdline()):
                    found.append(process)
        return found

    def has(self, pid: int) -> bool:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            is_alive = process.status() != psutil.STATUS_ZOMBIE and not process.name().startswith("postgres")
            return is_alive and process.environ().get(MARK) == self._mark
        return False

    def kill(self, pid: int) -> bool:
        """-9, and gone when it returns; False when it was gone before, or is none of ours."""
        if not self.has(pid):
            return False
        process = psutil.Process(pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self._reap()
        with contextlib.suppress(psutil.Error):
            process.wait(END_SECONDS)
        return True

    def end(self) -> int:
        """Kills all that are left; how many there were."""
        ended = 0
        while left := self.members():
            ended += sum(self.kill(process.pid) for process in left)
        self._reap()
        return ended

    def _reap(self) -> None:
        self._children = [child for child in self._children if child.poll() is None]


def end_strays(root: Path) -> None:
    """Kills what goes by a clock below this directory."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            mark = process.environ().get(MARK)
            if mark and Path(mark).is_relative_to(root) and not process.name().startswith("postgres"):
                process.kill()
