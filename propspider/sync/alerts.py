"""What a person should know, one open row a subject. Functions take a connection; the caller commits."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, func, select, update
from sqlalchemy.orm import InstrumentedAttribute

from propspider.db.models import Alert
from propspider.db.models.control import AlertKind
from propspider.sync import statement

Severity = Literal["info", "warning", "critical"]
DUE_AT_ONCE = 20


def raise_alert(
    connection: Connection,
    kind: AlertKind,
    message: str,
    *,
    portal: str = "",
    subject: str = "",
    severity: Severity = "warning",
    details: Mapping[str, Any] | None = None,
) -> int:
    """Id of the open alert. The same kind and subject again while it is open renews its message and counts; more severe than
    before it is delivered anew.
    """
    parameters = {
        "kind": kind,
        "portal": portal,
        "subject": subject,
        "severity": severity,
        "message": message,
        "details": json.dumps(dict(details or {}), default=str),
    }
    found: int = connection.execute(statement("alert_raise"), parameters).scalar_one()
    return found


@dataclass(frozen=True)
class AlertRow:
    """`portal` is '' for an alert of no single portal; `times`: how often it was raised since it is open. `delivered_at` None: a
    configured service has not accepted it yet, or none is configured.
    """

    id: int
    portal: str
    kind: str
    subject: str
    severity: str
    message: str
    details: dict[str, Any]
    first_at: datetime
    last_at: datetime
    times: int
    acknowledged_at: datetime | None
    delivered_at: datetime | None
    resolved_at: datetime | None


@dataclass(frozen=True)
class DueAlert:
    """`delivered_at` is None when it is told for the first time; `accepted_by` need not be asked again."""

    id: int
    portal: str
    kind: str
    subject: str
    severity: str
    message: str
    first_at: datetime
    times: int
    delivered_at: datetime | None
    accepted_by: list[str]


def open_alerts(connection: Connection) -> list[AlertRow]:
    """The latest first."""
    return listed(connection)


def listed(
    connection: Connection, *, portal: str | None = None, resolved: bool = False, ids: Sequence[int] | None = None
) -> list[AlertRow]:
    """The latest first. `resolved`: those that are over as well. `portal` and `ids` None: whatever theirs."""
    columns = [Alert.__table__.c[field.name] for field in fields(AlertRow)]
    asked = select(*columns).order_by(Alert.last_at.desc(), Alert.id.desc())
    if not resolved:
        asked = asked.where(Alert.resolved_at.is_(None))
    if portal is not None:
        asked = asked.where(Alert.portal == portal)
    if ids is not None:
        asked = asked.where(Alert.id.in_(ids))
    return [AlertRow(**row) for row in connection.execute(asked).mappings()]


def is_open(connection: Connection, kind: AlertKind, *, portal: str = "", subject: str = "") -> bool:
    of_it = (Alert.kind == kind, Alert.portal == portal, Alert.subject == subject, Alert.resolved_at.is_(None))
    return connection.execute(select(Alert.id).where(*of_it)).first() is not None


def acknowledge(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Ids of those that were open and unacknowledged: somebody knows, so they are delivered no more while they are open."""
    return _mark(connection, ids, Alert.acknowledged_at)


def end(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Ids of those that were open: a person says that they are over. The same raised again is a new one."""
    return _mark(connection, ids, Alert.resolved_at)


def _mark(connection: Connection, ids: Sequence[int], column: InstrumentedAttribute[datetime | None]) -> list[int]:
    marked = (
        update(Alert)
        .where(Alert.id.in_(ids), Alert.resolved_at.is_(None), column.is_(None))
        .values({column: select(func.app_now()).scalar_subquery()})
        .returning(Alert.id)
    )
    return sorted(connection.execute(marked).scalars())


def due(connection: Connection, *, leave_out: Iterable[int] = ()) -> list[DueAlert]:
    """What is to be delivered now, the most severe first, at most DUE_AT_ONCE: once, and again after each day that it stays open
    without an acknowledgement.
    """
    parameters = {"most": DUE_AT_ONCE, "sent": list(leave_out)}
    return [DueAlert(**row) for row in connection.execute(statement("alerts_due"), parameters).mappings()]


def delivered(connection: Connection, alert: DueAlert, accepted_by: Iterable[str], *, by_all: bool) -> None:
    """`accepted_by`: every service that has it by now; `by_all`: no other is configured."""
    parameters = {"id": alert.id, "severity": alert.severity, "accepted": sorted(accepted_by), "is_delivered": by_all}
    connection.execute(statement("alert_delivered"), parameters)


def resolve(connection: Connection, kind: AlertKind, *, portal: str | None = "", subject: str | None = None) -> int:
    """What it was about is over; how many open alerts that were. `portal` and `subject` None: whatever theirs."""
    over = update(Alert).where(Alert.kind == kind, Alert.resolved_at.is_(None))
    if portal is not None:
        over = over.where(Alert.portal == portal)
    if subject is not None:
        over = over.where(Alert.subject == subject)
    return connection.execute(over.values(resolved_at=select(func.app_now()).scalar_subquery())).rowcount
