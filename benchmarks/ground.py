"""What all measurements stand on: one durable server for the run, a database each, and rounds."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Engine, text

from propspider.db import embedded, migrate
from propspider.db.engine import create_engine
from tests.support.scratch import scratch_directory, sweep

PORTAL = "pincali"
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Ground:
    """`say` tells a waiting person what is being measured."""

    server: embedded.Server
    root: Path
    large: bool
    say: Callable[[str], None]

    @contextmanager
    def database(self, name: str, *, tables: bool = True) -> Iterator[str]:
        """libpq URL of a fresh database, migrated unless `tables` is False; it is dropped afterwards."""
        embedded.ensure_database(self.server, name)
        url = self.server.url(name)
        try:
            if tables:
                migrate.upgrade(url)
            yield url
        finally:
            with psycopg.connect(self.server.url("postgres", embedded.SUPERUSER), autocommit=True) as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def engine(self, name: str) -> Iterator[Engine]:
        with self.database(name) as url:
            engine = create_engine(url)
            try:
                yield engine
            finally:
                engine.dispose()


@contextmanager
def ground(*, large: bool, say: Callable[[str], None]) -> Iterator[Ground]:
    """The embedded server with its durable settings, below a directory that its account can reach. Gone at the end."""
    sweep()
    for name in _ENDING:
        signal.signal(name, _interrupt)
    with scratch_directory() as root:
        state = root / "state"
        try:
            yield Ground(embedded.ensure(state), root, large, say)
        finally:
            # A second Ctrl-C must not leave a server behind.
            for name in _ENDING:
                signal.signal(name, signal.SIG_IGN)
            embedded.stop(state)


def _interrupt(_signal: int, _frame: Any) -> None:
    raise KeyboardInterrupt


def seconds(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


def maintain(engine: Engine, *tables: str) -> None:
    """VACUUM ANALYZE: what autovacuum would have done, done before it can disturb a round."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        quote = connection.dialect.identifier_preparer.quote
        connection.execute(text(f"VACUUM (ANALYZE) {', '.join(map(quote, tables))}"))


def cpu_count() -> int:
    """Of this process, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
