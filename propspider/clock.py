"""The only place that reads the wall clock or waits; a laboratory puts its own time in its place."""

import asyncio
import socket
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol


class Time(Protocol):
    """`now` is aware UTC. Called from any thread."""

    def now(self) -> datetime: ...

    async def sleep(self, seconds: float) -> None: ...


class RealTime:
    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Followed:
    """The clock that a laboratory serves at a socket: one line asks, one answers with the time. Raises ConnectionError where
    there is no laboratory any more.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._asking = threading.Lock()
        self._line: socket.SocketIO | None = None

    def now(self) -> datetime:
        return self._ask("now")

    async def sleep(self, seconds: float) -> None:
        """Moves the clock of all by so much."""
        await asyncio.to_thread(self._ask, f"spend {seconds!r}")

    def _ask(self, question: str) -> datetime:
        with self._asking:
            if self._line is None:
                with socket.socket(socket.AF_UNIX) as connection:
                    connection.connect(str(self._path))
                    self._line = connection.makefile("rwb", buffering=0)
            self._line.write(f"{question}\n".encode())
            answer = self._line.readline().decode().strip()
        if not answer:
            raise ConnectionError(f"nobody serves the clock {self._path} any more")
        return datetime.fromisoformat(answer)


_time: Time = RealTime()


def use(source: Time) -> None:
    """From now on, for the whole process."""
    global _time  # noqa: PLW0603 - the one place that knows the time
    _time = source


def follow(path: Path | None) -> None:
    """From now on, for the whole process, the clock that is served there; None leaves it as it is."""
    if path is not None:
        use(Followed(path))


def now() -> datetime:
    """Aware UTC."""
    return _time.now()


def in_real_time(moment: datetime) -> datetime:
    """When the wall clock shows that a moment has come, if only it moves time on; for timers that know no other."""
    return moment if isinstance(_time, RealTime) else moment + (RealTime().now() - now())


async def sleep(seconds: float) -> None:
    await _time.sleep(seconds)


def wait(seconds: float) -> None:
    """Blocks the calling thread, in real time always: for servers, which no simulated clock can hurry."""
    time.sleep(seconds)
