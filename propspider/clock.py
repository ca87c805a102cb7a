"""The only place that reads the wall clock or waits: the laboratory swaps both for simulated time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

_now: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731
_sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


def now() -> datetime:
    """Aware UTC."""
    return _now()


async def sleep(seconds: float) -> None:
    await _sleep(seconds)
