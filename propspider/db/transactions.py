"""One way to run a unit of work: retried where the server asks for it, told apart where the data is at fault."""

from collections.abc import Callable
from typing import TypeVar

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

T = TypeVar("T")

_RETRIES = 5


class ConnectionLost(RuntimeError):
    """The server went away, and stayed away for a second try; nothing of the unit of work was committed."""


class BadData(RuntimeError):
    """The server refused a value of this unit of work; the same work will be refused again."""


def in_transaction(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Commits what `work` did and returns its result. `work` may run several times.

    Deadlocks and serialisation failures are retried; a lost connection once, on a fresh one. Raises ConnectionLost, BadData.
    """
    lost = 0
    conflicts = 0
    while True:
        try:
            with engine.begin() as connection:
                return work(connection)
        except UnicodeEncodeError as error:
            # A lone surrogate: psycopg meets it before the server does.
            raise BadData(str(error)) from error
        except (DBAPIError, psycopg.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if isinstance(cause, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure) and conflicts < _RETRIES:
                conflicts += 1
            elif isinstance(cause, psycopg.DataError | psycopg.IntegrityError | psycopg.ProgrammingError):
                raise BadData(_first_line(cause)) from error
            elif isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
                lost += 1
                if lost > 1:
                    raise ConnectionLost(_first_line(cause)) from error
            else:
                raise


def _first_line(error: BaseException | None) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
