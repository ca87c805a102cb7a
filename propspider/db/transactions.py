"""One way to run a unit of work: retried where the server asks for it, told apart where the data is at fault."""

import time
from collections.abc import Callable
from typing import TypeVar
from weakref import WeakKeyDictionary

import psycopg
import structlog
from psycopg.errors import DeadlockDetected, IdleInTransactionSessionTimeout, SerializationFailure
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from propspider import clock

T = TypeVar("T")

PATIENCE_SECONDS = 30.0
"""A restart, with its crash recovery, takes a few seconds; a fail-over to a replica ten to twenty."""

_RETRIES = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0

_CONFLICT = (DeadlockDetected, SerializationFailure)
_LOST = (psycopg.OperationalError, psycopg.InterfaceError, IdleInTransactionSessionTimeout)
_BAD_DATA = (psycopg.DataError, psycopg.IntegrityError, psycopg.ProgrammingError)

# Shared by all threads and kept until the server answers: what comes after an outage was given up does not wait it out again.
_lost_since: WeakKeyDictionary[Engine, float] = WeakKeyDictionary()

log = structlog.get_logger(__name__)


class ConnectionLost(RuntimeError):
    """The server went away and stayed away, and never acknowledged the unit of work."""


class BadData(RuntimeError):
    """The server refused a value of this unit of work; the same work will be refused again."""


def in_transaction(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Commits what `work` did and returns its result. `work` may run several times.

    Deadlocks and serialisation failures are retried at once, a server that is away until PATIENCE_SECONDS after it was
    first missed: the calling thread waits. Raises ConnectionLost, BadData.
    """
    conflicts = 0
    outage: _Outage | None = None
    while True:
        try:
            with engine.begin() as connection:
                result = work(connection)
        except UnicodeEncodeError as error:
            # A lone surrogate: psycopg meets it before the server does.
            raise BadData(str(error)) from error
        except (DBAPIError, psycopg.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if isinstance(cause, _CONFLICT) and conflicts < _RETRIES:
                conflicts += 1
            elif isinstance(cause, _LOST):
                outage = outage or _Outage(engine, cause)
                if not outage.wait():
                    raise ConnectionLost(_first_line(cause)) from error
            elif isinstance(cause, _BAD_DATA):
                raise BadData(_first_line(cause)) from error
            else:
                raise
        else:
            _lost_since.pop(engine, None)
            if outage is not None:
                log.info("the database answers again")
            return result


class _Outage:
    def __init__(self, engine: Engine, cause: BaseException) -> None:
        self._deadline = _lost_since.setdefault(engine, time.monotonic()) + PATIENCE_SECONDS
        self._pause = _FIRST_PAUSE
        left = max(0.0, self._deadline - time.monotonic())
        log.warning("waiting for the database", reason=_first_line(cause), seconds=round(left, 1))

    def wait(self) -> bool:
        """False when it has been long enough."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            return False
        clock.wait(min(self._pause, left))
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        return True


def _first_line(error: BaseException | None) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
