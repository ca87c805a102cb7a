"""Pauses: a portal that blocked us, or that somebody wants left alone, is not crawled. Real time; the caller commits."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from propspider.db.models import ScrapingError
from propspider.items import ErrorType
from propspider.sync import alerts, statement

EVERY_PORTAL = "*"
BREAKER = "breaker"
BLOCKS = frozenset({"blocked", "robots_unreadable", "throttled"})
"""Reasons for which a crawl closes that pause its portal."""


@dataclass(frozen=True)
class Pause:
    """`until` None: until it is resumed. `times`: blocks in a row, 0 for a pause that no block made."""

    portal: str
    reason: str
    paused_by: str
    paused_at: datetime
    until: datetime | None
    times: int

    def __str__(self) -> str:
        option = "--all" if self.portal == EVERY_PORTAL else f"--portal {self.portal}"
        return f"{self.whose} is paused since {self.since}, {self.end} ({self.reason}): propspider resume {option}"

    @property
    def whose(self) -> str:
        return "every portal" if self.portal == EVERY_PORTAL else self.portal

    @property
    def since(self) -> str:
        return _moment(self.paused_at)

    @property
    def end(self) -> str:
        return "until it is resumed" if self.until is None else f"until {_moment(self.until)}"


class PortalPaused(RuntimeError):
    """Nothing may be fetched from the portal now; the message says since when, until when, why, and what ends it."""


@dataclass(frozen=True)
class Resumed:
    """`ended` were in force; `alerts` were open."""

    ended: list[Pause]
    alerts: int


def pause(connection: Connection, portal: str, reason: str, by: str, until: datetime | None = None) -> Pause:
    """In place of the pause that is in force, if any. `portal` "*" is every portal; `until` None: until it is resumed."""
    parameters = {"portal": portal, "reason": reason, "by": by, "until": until}
    return Pause(**connection.execute(statement("pause_set"), parameters).mappings().one())


def trip(connection: Connection, portal: str, reason: str, *, session_id: uuid.UUID | None = None) -> Pause:
    """The portal blocked us: it is paused, longer each time, and somebody is told. Returns the pause in force.
    The session's error row of the block, if there is one, tells how it looked.
    """
    sign = _sign(connection, session_id)
    said = f"{reason}: {sign}" if sign else reason
    row = connection.execute(statement("pause_trip"), {"portal": portal, "reason": said}).mappings().first()
    made = Pause(**row) if row is not None else next(one for one in pauses(connection) if one.portal == portal)
    alerts.raise_alert(
        connection,
        "block",
        f"{said}; paused {made.end}",
        portal=portal,
        severity="critical",
        details={"reason": reason, "session_id": session_id, "until": made.until, "blocks_in_a_row": made.times},
    )
    return made


def resume(connection: Connection, portal: str) -> Resumed:
    """Ends the portal's own pause, or with "*" that of all, and resolves its alert of a block. For a day the next block lasts
    longer all the same.
    """
    ended = _end(connection, portal)
    return Resumed(ended, alerts.resolve(connection, "block", portal=portal))


def resume_all(connection: Connection) -> Resumed:
    """Ends every pause, whoever made it, and resolves every alert of a block."""
    return Resumed(_end(connection, None), alerts.resolve(connection, "block", portal=None))


def pauses(connection: Connection) -> list[Pause]:
    """Those in force."""
    return [Pause(**row) for row in connection.execute(statement("pauses"), {"portal": None}).mappings()]


def paused(connection: Connection, portal: str) -> Pause | None:
    """The pause that holds for the portal, its own or that of all, whichever lasts longer; None: it may be crawled."""
    row = connection.execute(statement("pauses"), {"portal": portal}).mappings().first()
    return Pause(**row) if row is not None else None


def check(connection: Connection, portal: str) -> None:
    """Raises PortalPaused."""
    found = paused(connection, portal)
    if found is not None:
        raise PortalPaused(str(found))


def _end(connection: Connection, portal: str | None) -> list[Pause]:
    return [Pause(**row) for row in connection.execute(statement("pause_end"), {"portal": portal}).mappings()]


def _sign(connection: Connection, session_id: uuid.UUID | None) -> str | None:
    of_the_block = (ScrapingError.session_id == session_id, ScrapingError.error_type == ErrorType.BLOCKED.value)
    return connection.execute(select(ScrapingError.message).where(*of_the_block).order_by(ScrapingError.id).limit(1)).scalar()


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
