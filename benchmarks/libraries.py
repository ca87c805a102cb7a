"""Other people's queues, driven as their own workers drive them. They are installed for benchmarks only."""

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from importlib import import_module
from time import perf_counter
from typing import Any, ClassVar, Self

PAYLOAD = {"property_id": "pincali:EB-Q1", "source_url": "https://www.pincali.com/en/home/house-number-1"}


def installed_by(name: str) -> str:
    return f"{name} is not installed; `make bench` installs it from requirements-bench.lock"


class Library:
    """Open for the length of a `with`; an event loop of its own, as both libraries are asynchronous."""

    name: ClassVar[str]
    how: ClassVar[str]
    note: ClassVar[str]

    def __init__(self, url: str) -> None:
        self._url = url
        self._loop = asyncio.new_event_loop()
        self._closing: list[Callable[[], Awaitable[Any]]] = []

    def __enter__(self) -> Self:
        self._run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        try:
            for close in reversed(self._closing):
                self._loop.run_until_complete(_awaited(close()))
        finally:
            self._loop.close()

    def fill(self, jobs: int) -> None:
        """The queue holds these jobs and nothing else, freshly vacuumed."""
        self._run(self._fill(jobs))

    def drain(self, jobs: int) -> float:
        """Seconds. Raises RuntimeError when it were not so many jobs."""
        started = perf_counter()
        done = self._run(self._drain())
        taken = perf_counter() - started
        if done != jobs:
            raise RuntimeError(f"{self.name}: {done} of {jobs} jobs were completed")
        return taken

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._loop.run_until_complete(work)

    async def _open(self) -> None:
        raise NotImplementedError

    async def _fill(self, jobs: int) -> None:
        raise NotImplementedError

    async def _drain(self) -> int:
        raise NotImplementedError


async def _awaited(work: Awaitable[Any]) -> None:
    await work


class Procrastinate(Library):
    name = "procrastinate"
    how = "fetch_job + finish_job"
    note = "procrastinate fetches one job a round trip and keeps an event row of each step"

    async def _open(self) -> None:
        library = import_module(self.name)
        connector = library.PsycopgConnector(conninfo=self._url, min_size=1, max_size=2)
        self._app = library.App(connector=connector)
        await self._app.open_async()
        self._closing.append(self._app.close_async)
        await self._app.schema_manager.apply_schema_async()
        self._worker = await self._app.job_manager.register_worker()
        self._succeeded = import_module("procrastinate.jobs").Status.SUCCEEDED

    async def _fill(self, jobs: int) -> None:
        # Its way to an autocommitting connection, for VACUUM.
        psycopg = import_module("psycopg")
        async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
            await connection.execute("TRUNCATE procrastinate_jobs CASCADE")
            deferrer = self._app.configure_task("bench.detail", allow_unknown=True)
            await deferrer.batch_defer_async(*[PAYLOAD] * jobs)
            await connection.execute("VACUUM (ANALYZE) procrastinate_jobs, procrastinate_events")

    async def _drain(self) -> int:
        done = 0
        manager = self._app.job_manager
        while (job := await manager.fetch_job(queues=None, worker_id=self._worker)) is not None:
            await manager.finish_job(job, self._succeeded, delete_job=False)
            done += 1
        return done


class Pgqueuer(Library):
    name = "pgqueuer"
    how = "dequeue(50) + log_jobs"
    note = "pgqueuer on asyncpg, by 50 as its manager does; it writes a log row of each job"
    BATCH: ClassVar[int] = 50

    async def _open(self) -> None:
        asyncpg = import_module("asyncpg")
        self._connection = await asyncpg.connect(self._url)
        self._closing.append(self._connection.close)
        self._queries = import_module("pgqueuer.queries").Queries.from_asyncpg_connection(self._connection)
        await self._queries.install()
        parameter = import_module("pgqueuer.queries").EntrypointExecutionParameter(concurrency_limit=0)
        self._entrypoints = {"detail": parameter}
        self._manager = uuid.uuid4()

    async def _fill(self, jobs: int) -> None:
        payload = str(PAYLOAD).encode()
        await self._connection.execute("TRUNCATE pgqueuer, pgqueuer_log")
        for start in range(0, jobs, 1000):
            count = min(1000, jobs - start)
            await self._queries.enqueue(["detail"] * count, [payload] * count, [0] * count)
        await self._connection.execute("VACUUM ANALYZE pgqueuer")
        with contextlib.suppress(import_module("asyncpg").UndefinedTableError):
            await self._connection.execute("VACUUM ANALYZE pgqueuer_log")

    async def _drain(self) -> int:
        done = 0
        while jobs := await self._queries.dequeue(self.BATCH, self._entrypoints, self._manager, None, timedelta(seconds=300)):
            await self._queries.log_jobs([(job, "successful", None) for job in jobs])
            done += len(jobs)
        return done
