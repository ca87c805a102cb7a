"""Who renders beside whom."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Seats:
    """`count` pages at once; a page that takes all seats waits for the others and is then alone."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = asyncio.Semaphore(count)  # first come, first served: whoever waits for all gets them
        self._table = asyncio.Lock()
        self._taken = 0

    @property
    def shared(self) -> bool:
        return self._taken > 1

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        async with self._free:
            self._taken += 1
            try:
                yield
            finally:
                self._taken -= 1

    @asynccontextmanager
    async def all(self) -> AsyncIterator[None]:
        async with self._table:
            held = 0
            try:
                for _ in range(self._count):
                    await self._free.acquire()
                    held += 1
                yield
            finally:
                for _ in range(held):
                    self._free.release()
