"""What a person should know of a session that has ended, of the queue and of tiers; each alert ends with its condition.

Rules are pure and answer with a State; None: nothing can be said. Functions take a connection; the caller commits.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import Connection, func, select

from propspider.db.models import ScrapingError
from propspider.db.models.control import AlertKind
from propspider.items import ErrorType
from propspider.sync import alerts, breaker, queue, statement, unusual
from propspider.sync.runs import SessionRef

State = Literal["fine", "info", "warning", "critical"]

ERROR_SHARE, GRAVE_SHARE = 0.10, 0.50
FEWEST_FAILURES = 3
"""Two pages of five are no error rate yet."""
FEWEST_REQUESTS = 10
"""Needed to call a session fine."""
WINDOW_FULL, WINDOW_CALM = 0.90, 0.75
LONGEST_OVERDUE = timedelta(days=1)
"""Past its step (queue.STEPS) a row waits for the rest of the window only: hours at a polite pace."""
FAILURES = frozenset(ErrorType) - {
    ErrorType.GONE,
    ErrorType.OFF_SITE,
    ErrorType.ROBOTS,
    ErrorType.REPEATED_PAGE,
    ErrorType.FILTER_IGNORED,
    ErrorType.CARD,
    ErrorType.PAGE_GATE,
}
"""A page, or the listing on it, that could not be had."""


@dataclass(frozen=True)
class Requests:
    """Of one session: pages that were read, and URLs that failed."""

    session_id: uuid.UUID
    spider: str
    status: str
    finish_reason: str | None
    arguments: dict[str, Any]
    read_well: int
    failed: int

    @property
    def asked(self) -> int:
        return self.read_well + self.failed

    @property
    def success_rate(self) -> float | None:
        """None when nothing was asked."""
        return self.read_well / self.asked if self.asked else None


def error_state(asked: int, failed: int) -> State | None:
    if failed > ERROR_SHARE * asked:
        if failed < FEWEST_FAILURES:
            return None
        return "critical" if failed > GRAVE_SHARE * asked else "warning"
    return "fine" if asked >= FEWEST_REQUESTS else None


def backlog_state(
    pending: int, overdue: timedelta, *, ceiling: int = queue.CEILING, longest: timedelta = LONGEST_OVERDUE, is_open: bool = False
) -> State:
    """A full window is worth knowing (there is more need than is fetched), a row that waits beyond its bound worth a look.
    An open alert ends well below what raised it: each refill takes the window through the threshold.
    """
    if overdue > longest:
        return "warning"
    return "info" if pending > (WINDOW_CALM if is_open else WINDOW_FULL) * ceiling else "fine"


def look_at_session(connection: Connection, session: SessionRef) -> None:
    """After a session has ended: its error rate, what it brought beside its predecessors, and the queue it leaves."""
    (requests,) = requests_of(connection, [session.id])
    if requests.status != "cancelled" and requests.finish_reason not in breaker.BLOCKS:
        _look_at_errors(connection, session, requests)
    if requests.status == "completed":
        _look_at_yield(connection, session, requests)
    look_at_queue(connection, session.portal, ceiling=session.queue_ceiling)


def requests_of(connection: Connection, session_ids: Sequence[uuid.UUID]) -> list[Requests]:
    parameters = {"session_ids": list(session_ids), "failures": sorted(FAILURES)}
    return [Requests(**row) for row in connection.execute(statement("session_requests"), parameters).mappings()]


def look_at_queue(connection: Connection, portal: str, *, ceiling: int) -> State:
    row = connection.execute(statement("queue_backlog"), {"portal": portal}).one()
    overdue = timedelta(seconds=max(0.0, row.overdue_seconds or 0.0))
    state = backlog_state(row.pending, overdue, ceiling=ceiling, is_open=alerts.is_open(connection, "backlog", portal=portal))
    if state == "warning":
        message = f"{row.pending:,} pages wait in the queue, the first of them {_hours(overdue)} longer than it should"
    else:
        message = f"the queue is full: {row.pending:,} pages wait in it, and more are needed than are fetched"
    details = {"pending": row.pending, "overdue_seconds": round(overdue.total_seconds())}
    _settle(connection, state, "backlog", message, portal=portal, details=details)
    return state


def raise_overdue(connection: Connection, portal: str, tier_name: str, overdue_by: timedelta) -> int:
    """Id of the alert. The tier has not begun although it was due that long ago; `tier_ran` ends it."""
    message = f"{tier_name} has been due for {_hours(overdue_by)} and has not run"
    details = {"overdue_seconds": round(overdue_by.total_seconds())}
    return alerts.raise_alert(connection, "tier_overdue", message, portal=portal, subject=tier_name, details=details)


def tier_ran(connection: Connection, portal: str, tier_name: str) -> bool:
    """Whether it was overdue."""
    return bool(alerts.resolve(connection, "tier_overdue", portal=portal, subject=tier_name))


def _look_at_errors(connection: Connection, session: SessionRef, requests: Requests) -> None:
    state = error_state(requests.asked, requests.failed)
    types = _failures_by_type(connection, session.id)
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in types.items())
    message = (
        f"{requests.failed:,} of {requests.asked:,} pages of a {requests.spider} session could not be had"
        f" ({requests.failed / max(1, requests.asked):.0%}): {kinds}"
    )
    details = {"session_id": session.id, "asked": requests.asked, "failed": requests.failed, "types": types}
    _settle(connection, state, "error_rate", message, portal=session.portal, subject=requests.spider, details=details)


def _failures_by_type(connection: Connection, session_id: uuid.UUID) -> dict[str, int]:
    counted = (
        select(ScrapingError.error_type, func.count())
        .where(ScrapingError.session_id == session_id, ScrapingError.error_type.in_(sorted(FAILURES)))
        .group_by(ScrapingError.error_type)
        .order_by(func.count().desc(), ScrapingError.error_type)
    )
    return {row[0]: row[1] for row in connection.execute(counted)}


def _look_at_yield(connection: Connection, session: SessionRef, requests: Requests) -> None:
    alike = unusual.comparable(requests.spider, requests.arguments)
    measures = unusual.measure(connection, session.id, requests.spider, requests.success_rate)
    if not measures:
        return
    history = unusual.history(connection, session, requests.spider, alike)
    unusual.keep(connection, session.id, measures)
    judged = unusual.judge(measures, history)
    subject = unusual.subject(requests.spider, alike)
    state: State | None = None
    if judged is not None:
        state = "warning" if judged else "fine"
    details = {"session_id": session.id, "measures": measures, "usual": {one.measure: one.usual for one in judged or ()}}
    message = f"{subject}: " + "; ".join(map(str, judged or ()))
    _settle(connection, state, "crawl_unusual", message, portal=session.portal, subject=subject, details=details)


def _settle(
    connection: Connection,
    state: State | None,
    kind: AlertKind,
    message: str,
    *,
    portal: str,
    subject: str = "",
    details: Mapping[str, Any],
) -> None:
    if state == "fine":
        alerts.resolve(connection, kind, portal=portal, subject=subject)
    elif state is not None:
        alerts.raise_alert(connection, kind, message, portal=portal, subject=subject, severity=state, details=details)


def _hours(duration: timedelta) -> str:
    hours = duration.total_seconds() / 3600
    return f"{hours:,.1f} hours" if hours < 48 else f"{hours / 24:,.1f} days"
