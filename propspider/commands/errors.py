"""Failures that a person can act on end as one line on stderr and exit code 1; a traceback means a bug."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from typer.core import TyperGroup

from propspider.commands.output import fail


class OneLineErrors(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        with one_line():
            return super().invoke(ctx)


@contextmanager
def one_line() -> Iterator[None]:
    """Raises typer.Exit after the line."""
    try:
        yield
    except _expected() as error:
        fail(_redacted(message_of(error)))


def _expected() -> tuple[type[Exception], ...]:
    """Asked only once something was raised: naming these imports half of the program."""
    import psycopg
    from pydantic import ValidationError
    from pydantic_settings import SettingsError
    from sqlalchemy.exc import DBAPIError

    from propspider.db.binaries import EmbeddedError
    from propspider.db.engine import DatabaseUnavailable
    from propspider.db.migrate import MigrationFailed
    from propspider.db.transactions import BadData, ConnectionLost
    from propspider.lab import LaboratoryError
    from propspider.portals import BaseUrlRefused, PortalFileError, UnknownPortal
    from propspider.spiders.base import SpiderArgumentError
    from propspider.sync.breaker import PortalPaused
    from propspider.sync.leases import LeaseHeld, Superseded
    from propspider.tiers.run import TierBusy

    return (
        BadData,
        BaseUrlRefused,
        ConnectionLost,
        DBAPIError,
        DatabaseUnavailable,
        EmbeddedError,
        LaboratoryError,
        LeaseHeld,
        MigrationFailed,
        PortalFileError,
        PortalPaused,
        SettingsError,
        SpiderArgumentError,
        Superseded,
        TierBusy,
        UnknownPortal,
        ValidationError,
        psycopg.Error,
    )


def message_of(error: BaseException) -> str:
    from pydantic import ValidationError
    from sqlalchemy.exc import DBAPIError

    if isinstance(error, ValidationError):
        from propspider.config import complaints

        return complaints(error)
    cause = error.orig if isinstance(error, DBAPIError) else None
    lines = str(cause or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _redacted(message: str) -> str:
    """libpq repeats a connection string that it cannot read, password included."""
    from propspider.config import Config
    from propspider.logs import redactor

    event: Mapping[str, Any] = redactor(Config.model_construct())(None, "", {"event": message})  # type: ignore[assignment]
    return str(event["event"])
