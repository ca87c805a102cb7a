"""What the verify spider asks for: listings with an open case, and the controls around them. The caller commits."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, exists, select

from propspider.db.models import RemovalCase
from propspider.items import Operation
from propspider.sync import queue, runs, statement
from propspider.sync.queue import QueuedProperty
from propspider.sync.removals import open_cases
from propspider.sync.runs import Counts, SessionRef

CONTROLS = 4
CASES_AT_ONCE = 1000
LEASE_SECONDS = 300.0


@dataclass(frozen=True)
class KnownAlive:
    """A listing that a page showed within the last 24 hours."""

    property_id: str
    source_url: str


def suspect(connection: Connection, session: SessionRef, *, min_missing: int, scopes: Mapping[str, Operation]) -> bool:
    """Opens cases that the sweeps so far ask for, and counts them for the session. True while there may be more."""
    opened = open_cases(
        connection, session.portal, min_missing=min_missing, scopes=scopes, session_id=session.id, limit=CASES_AT_ONCE
    )
    runs.add_counts(connection, session, Counts(removals_detected=opened))
    return opened == CASES_AT_ONCE


def claim(
    connection: Connection,
    session: SessionRef,
    *,
    size: int,
    worker: str,
    lease_seconds: float,
    property_id: str | None = None,
) -> list[QueuedProperty]:
    """At most `size` listings to verify, leased to `worker`. `property_id`: this one, past its back-off."""
    if property_id is not None:
        queue.end_back_off(connection, property_id, kind="verify")
    return queue.claim(
        connection,
        session.portal,
        batch=size,
        worker=worker,
        session_id=session.id,
        lease_seconds=max(LEASE_SECONDS, lease_seconds),
        kind="verify",
        property_id=property_id,
    )


def known_alive(connection: Connection, portal: str, *, without: list[str]) -> list[KnownAlive]:
    """At most four, the newest sighting first; `without`: listings of the batch."""
    rows = connection.execute(statement("controls_alive"), {"portal": portal, "limit": CONTROLS, "without": without})
    return [KnownAlive(row.property_id, row.source_url) for row in rows]


def has_open_case(connection: Connection, property_id: str | None) -> bool:
    found = select(exists().where(RemovalCase.property_id == property_id, RemovalCase.status == "open"))
    return bool(connection.execute(found).scalar())
