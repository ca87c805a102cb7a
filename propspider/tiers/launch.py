"""How a crawl is started as a step of a run: a process of its own. Whether it went well, its session row tells."""

import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

import psutil

from propspider.config import environment_with

SETTINGS = "propspider.settings"
TAIL_BYTES = 2000


@dataclass(frozen=True)
class Job:
    """One crawl. `fence`: of the run's lease, which every flush checks."""

    spider: str
    portal: str
    run_id: uuid.UUID
    fence: int
    arguments: Mapping[str, str] = field(default_factory=dict)

    @property
    def all_arguments(self) -> dict[str, str]:
        return {"portal": self.portal, "run": str(self.run_id), "fence": str(self.fence), **self.arguments}


class Launcher(Protocol):
    """Starts crawls; what `start` returns is known to the launcher alone."""

    def start(self, job: Job) -> Any: ...

    def is_running(self, started: Any) -> bool: ...

    def wait(self, started: Any, seconds: float) -> None:
        """For its end, so long at most."""

    def cancel(self, started: Any) -> None:
        """Asks it to end: what is under way is stored, what it claimed is handed back."""

    def kill(self, started: Any) -> None:
        """Ends it at once."""

    def last_words(self, started: Any) -> str:
        """Of a crawl that is over, once: one line of what it said, for one that left no session; '' when it said nothing."""

    def kill_orphans(self, run_id: uuid.UUID) -> int:
        """Crawls of a run whose runner died, as far as this launcher can reach them; how many there were."""


@dataclass
class Started:
    process: "subprocess.Popen[bytes]"
    output: IO[bytes]


class ProcessLauncher:
    """`scrapy crawl` in a process group of its own: a Ctrl-C on the terminal is not for it."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """`environment`: of the crawls; None = this process's."""
        self._environment = environment_with(SCRAPY_SETTINGS_MODULE=SETTINGS) if environment is None else dict(environment)

    def start(self, job: Job) -> Started:
        command = [sys.executable, "-P", "-m", "scrapy", "crawl", job.spider]
        for name, value in job.all_arguments.items():
            command += ["-a", f"{name}={value}"]
        # What it logs goes to the log file by itself; this is for what it says before it can.
        output = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        process = subprocess.Popen(
            command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return Started(process, output)

    def is_running(self, started: Started) -> bool:
        return started.process.poll() is None

    def wait(self, started: Started, seconds: float) -> None:
        with suppress(subprocess.TimeoutExpired):
            started.process.wait(seconds)

    def cancel(self, started: Started) -> None:
        if self.is_running(started):
            started.process.send_signal(signal.SIGTERM)

    def kill(self, started: Started) -> None:
        """With all that it started, a browser for one."""
        if self.is_running(started):
            os.killpg(started.process.pid, signal.SIGKILL)
            started.process.wait()

    def last_words(self, started: Started) -> str:
        with started.output as output:
            size = output.seek(0, os.SEEK_END)
            output.seek(max(0, size - TAIL_BYTES))
            lines = output.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1].strip() if lines else ""

    def kill_orphans(self, run_id: uuid.UUID) -> int:
        found = [process for process in psutil.process_iter(["cmdline"]) if f"run={run_id}" in (process.info["cmdline"] or ())]
        for process in found:
            _kill_group(process.pid)
        psutil.wait_procs(found, timeout=10)
        return len(found)


def _kill_group(pid: int) -> None:
    """A crawl is the leader of its group; gone already is as good."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
