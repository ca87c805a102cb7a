"""What a person should know, one open row a subject. Functions take a connection; the caller commits."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, func, select, update

from propspider.db.models import Alert
from propspider.sync import statement

Kind = Literal[
    "block",
    "sweep_void",
    "count_drop",
    "filter_ignored",
    "quarantine",
    "controls_failed",
    "tier_overdue",
    "backlog",
    "error_rate",
    "crawl_unusual",
]
Severity = Literal["info", "warning", "critical"]


def raise_alert(
    connection: Connection,
    kind: Kind,
    message: str,
    *,
    portal: str = "",
    subject: str = "",
    severity: Severity = "warning",
    details: Mapping[str, Any] | None = None,
) -> int:
    """Id of the open alert. The same kind and subject again while it is open renews its message and counts."""
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
class OpenAlert:
    """`portal` is '' for an alert of no single portal; `times`: how often it was raised since it is open."""

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


def open_alerts(connection: Connection) -> list[OpenAlert]:
    """The latest first."""
    columns = [Alert.__table__.c[field.name] for field in fields(OpenAlert)]
    asked = select(*columns).where(Alert.resolved_at.is_(None)).order_by(Alert.last_at.desc(), Alert.id.desc())
    return [OpenAlert(**row) for row in connection.execute(asked).mappings()]


def resolve(connection: Connection, kind: Kind, *, portal: str | None = "", subject: str | None = None) -> int:
    """What it was about is over; how many open alerts that were. `portal` and `subject` None: whatever theirs."""
    over = update(Alert).where(Alert.kind == kind, Alert.resolved_at.is_(None))
    if portal is not None:
        over = over.where(Alert.portal == portal)
    if subject is not None:
        over = over.where(Alert.subject == subject)
    return connection.execute(over.values(resolved_at=select(func.app_now()).scalar_subquery())).rowcount
