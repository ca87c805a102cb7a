"""The only place that reads the wall clock or waits: the laboratory swaps `now` and `sleep` for simulated time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

_now: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731
_sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


def now() -> datetime:
    """Aware UTC."""
    return _now()


async def sleep(seconds: float) -> None:
    await _sleep(seconds)


def wait(seconds: float) -> None:
    """Blocks the calling thread, in real time always: for servers, which no simulated clock can hurry."""
    time.sleep(seconds)
