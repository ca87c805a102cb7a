"""What a person should know, one open row a subject. Functions take a connection; the caller commits."""

import json
from collections.abc import Mapping
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


def resolve(connection: Connection, kind: Kind, *, portal: str = "", subject: str | None = None) -> int:
    """What it was about is over; how many open alerts that were. `subject` None: whatever their subject."""
    over = update(Alert).where(Alert.kind == kind, Alert.portal == portal, Alert.resolved_at.is_(None))
    if subject is not None:
        over = over.where(Alert.subject == subject)
    return connection.execute(over.values(resolved_at=select(func.app_now()).scalar_subquery())).rowcount
