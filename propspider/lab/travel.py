"""One clock for a simulated portal, the crawls that read it and their database: requests and waits move it, nobody sleeps."""

import heapq
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import psycopg

from propspider import clock

AWAY_SECONDS = 60.0
"""That a server may take to be back after a restart."""
AGAIN_SECONDS = 0.05

CLOCK = """
CREATE SCHEMA lab;
CREATE TABLE lab.clock (at timestamptz NOT NULL, is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only));
INSERT INTO lab.clock (at) VALUES ('epoch');
"""
"""In a new database: it is the laboratory's own from then on."""
GOES_BY_IT = """
CREATE OR REPLACE FUNCTION app_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT at FROM lab.clock';
CREATE OR REPLACE FUNCTION app_clock() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT at FROM lab.clock';
"""
"""In one that is migrated."""


class SimulatedClock:
    """Never goes back. Whoever moves it past a moment that was asked for carries out what is due then, at just that moment,
    while all others wait. From any thread; several processes go by the one whose database has `lab.clock`. While that is away,
    whoever moves the clock waits for it.
    """

    def __init__(self, start: datetime, database_url: str) -> None:
        """`database_url`: of a database with CLOCK and GOES_BY_IT. Raises psycopg.Error."""
        self._url = database_url
        self._connection = _connect(database_url)
        self._moving = threading.RLock()
        self._now = start
        self._alarms: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = count()
        self._set(start)

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self.spend(seconds)

    def spend(self, seconds: float) -> None:
        if seconds > 0:
            with self._moving:
                self.advance_to(self._now + timedelta(seconds=seconds))

    def advance_to(self, moment: datetime) -> None:
        """Nothing for a moment that is past."""
        with self._moving:
            while self._alarms and self._alarms[0][0] <= moment:
                at, _, carry_out = heapq.heappop(self._alarms)
                self._set(max(at, self._now))
                carry_out()
            if moment > self._now:
                self._set(moment)

    def at(self, moment: datetime, carry_out: Callable[[], None]) -> None:
        """What it raises reaches whoever moves the clock. It may ask for a later moment."""
        with self._moving:
            heapq.heappush(self._alarms, (moment, next(self._order), carry_out))

    def close(self) -> None:
        self._connection.close()

    def _set(self, moment: datetime) -> None:
        deadline = time.monotonic() + AWAY_SECONDS
        while True:
            try:
                if self._connection.closed:
                    self._connection = _connect(self._url)
                self._connection.execute("UPDATE lab.clock SET at = %s", [moment.astimezone(UTC)])
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                clock.wait(AGAIN_SECONDS)
            else:
                self._now = moment
                return


def _connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url, autocommit=True, application_name="propspider-lab-clock")
