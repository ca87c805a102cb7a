"""The only place that reads the wall clock or waits; a laboratory puts its own time in its place."""

import asyncio
import time
from datetime import UTC, datetime
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


_time: Time = RealTime()


def use(source: Time) -> None:
    """From now on, for the whole process."""
    global _time  # noqa: PLW0603 - the one place that knows the time
    _time = source


def now() -> datetime:
    """Aware UTC."""
    return _time.now()


async def sleep(seconds: float) -> None:
    await _time.sleep(seconds)


def wait(seconds: float) -> None:
    """Blocks the calling thread, in real time always: for servers, which no simulated clock can hurry."""
    time.sleep(seconds)
