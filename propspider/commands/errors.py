"""Failures that a person can act on end as one line on stderr and exit code 1; a traceback means a bug."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from typer.core import TyperGroup

from propspider.commands.output import fail

if TYPE_CHECKING:
    from pydantic import ValidationError


class OneLineErrors(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
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
    from propspider.portals import BaseUrlRefused, PortalFileError, UnknownPortal
    from propspider.spiders.base import SpiderArgumentError

    return (
        BadData,
        BaseUrlRefused,
        ConnectionLost,
        DBAPIError,
        DatabaseUnavailable,
        EmbeddedError,
        MigrationFailed,
        PortalFileError,
        SettingsError,
        SpiderArgumentError,
        UnknownPortal,
        ValidationError,
        psycopg.Error,
    )


def message_of(error: BaseException) -> str:
    from pydantic import ValidationError
    from sqlalchemy.exc import DBAPIError

    if isinstance(error, ValidationError):
        return complaints(error)
    cause = error.orig if isinstance(error, DBAPIError) else None
    lines = str(cause or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def complaints(error: "ValidationError") -> str:
    """Names the variables at fault, never their values."""
    return "; ".join(f"{_variable(fault['loc'])}: {fault['msg']}" for fault in error.errors())


def _variable(place: tuple[int | str, ...]) -> str:
    """An aliased field's place is the variable itself, another's is the field."""
    name = "__".join(str(part) for part in place).upper()
    return name if name.startswith(("PROPSPIDER_", "DATABASE_")) else f"PROPSPIDER_{name}"


def _redacted(message: str) -> str:
    """libpq repeats a connection string that it cannot read, password included."""
    from propspider.config import Config
    from propspider.logs import redactor

    event: Mapping[str, Any] = redactor(Config.model_construct())(None, "", {"event": message})  # type: ignore[assignment]
    return str(event["event"])
