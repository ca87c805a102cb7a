"""Sessions, the run they belong to, and their counters. The caller commits."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Text, cast, func, insert, select, text, update

from propspider.db.models import ScrapingError, ScrapingSession, SyncMetadata, SyncRun
from propspider.items import CrawlError
from propspider.sync import statement
from propspider.sync.queue import CEILING

Outcome = Literal["completed", "failed", "cancelled"]

DEAD_AFTER = "10 minutes"
LOST_STAT = "propspider/lost"
"""Crawl stat: pages, items and errors that were fetched and could not be stored."""
LOST_REASON_STAT = "propspider/lost_reason"


class NoSuchRun(LookupError):
    """No run, or more than one, begins like this; the message says which."""


@dataclass(frozen=True)
class SessionRef:
    """The session that a flush belongs to. `queue_ceiling`: how many rows of its portal it may let wait."""

    id: uuid.UUID
    sync_run_id: uuid.UUID
    portal: str
    parser_version: str
    queue_ceiling: int = CEILING


@dataclass(kw_only=True)
class Counts:
    """What one flush adds to its session and run."""

    pages: int = 0
    entries: int = 0
    found: int = 0
    """Listings that the manifest had not seen before, and those that were gone and are back."""
    scraped: int = 0
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    outdated: int = 0
    rejected: int = 0
    price_changes: int = 0
    held: int = 0
    queued: int = 0
    removals_detected: int = 0
    removals_confirmed: int = 0
    errors: int = 0
    warnings: int = 0
    quality_sum: float = 0.0
    promotion_ms: int = 0

    def add(self, other: "Counts") -> None:
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    @property
    def stored(self) -> int:
        return self.new + self.updated + self.unchanged + self.outdated


def open_session(
    connection: Connection,
    *,
    portal: str,
    spider: str,
    arguments: Mapping[str, Any],
    base_url: str,
    parser_version: str,
    sync_run_id: uuid.UUID | None = None,
    queue_ceiling: int = CEILING,
) -> SessionRef:
    """A running session; without a run it opens one of its own (tier null). Sessions that died are buried first."""
    bury_the_dead(connection)
    if sync_run_id is None:
        sync_run_id = connection.execute(insert(SyncRun).values(portal=portal).returning(SyncRun.id)).scalar_one()
    session_id = connection.execute(
        insert(ScrapingSession)
        .values(
            sync_run_id=sync_run_id,
            portal=portal,
            spider=spider,
            arguments=dict(arguments),
            base_url=base_url,
            parser_version=parser_version,
        )
        .returning(ScrapingSession.id)
    ).scalar_one()
    connection.execute(insert(SyncMetadata).values(session_id=session_id))
    return SessionRef(session_id, sync_run_id, portal, parser_version, queue_ceiling)


def find_run(connection: Connection, prefix: str) -> uuid.UUID:
    """The run whose id begins like this. Raises NoSuchRun."""
    ids = list(
        connection.execute(
            select(SyncRun.id).where(func.starts_with(cast(SyncRun.id, Text), prefix.strip().lower())).limit(3)
        ).scalars()
    )
    if not prefix.strip() or not ids:
        raise NoSuchRun(f"no run {prefix!r}")
    if len(ids) > 1:
        raise NoSuchRun(f"more than one run begins with {prefix!r}: {', '.join(map(str, ids))}")
    return ids[0]


def tier_level(connection: Connection, run_id: uuid.UUID) -> int | None:
    """None for a run of no tier, and for a full sync. Raises NoSuchRun."""
    row = connection.execute(select(SyncRun.tier_level).where(SyncRun.id == run_id)).first()
    if row is None:
        raise NoSuchRun(f"no run {run_id}")
    level: int | None = row.tier_level
    return level


def beat(connection: Connection, session: SessionRef) -> bool:
    """False when the session is no longer running for anyone who looks: it was buried or superseded."""
    beaten = (
        update(ScrapingSession)
        .where(ScrapingSession.id == session.id, ScrapingSession.status == "running")
        .values(heartbeat_at=func.clock_timestamp())
    )
    return connection.execute(beaten).rowcount == 1


def add_counts(connection: Connection, session: SessionRef, counts: Counts) -> None:
    connection.execute(
        statement("run_counts"),
        {
            "session_id": session.id,
            "run_id": session.sync_run_id,
            **{field.name: getattr(counts, field.name) for field in fields(counts)},
            "stored": counts.stored,
        },
    )


def record_errors(connection: Connection, session: SessionRef, errors: Sequence[CrawlError]) -> None:
    if errors:
        connection.execute(
            insert(ScrapingError),
            [
                {
                    "session_id": session.id,
                    "portal": error.portal or session.portal,
                    "error_type": error.error_type.value,
                    "message": error.message,
                    "url": error.url,
                    "http_status": error.status,
                    "property_id": error.property_id or (error.claim.property_id if error.claim else None),
                    "scope": error.scope,
                    "page": error.page,
                    "raw_item": error.raw_item,
                }
                for error in errors
            ],
        )


def close_session(
    connection: Connection, session: SessionRef, *, outcome: Outcome, reason: str, stats: Mapping[str, Any] | None = None
) -> None:
    """Ends the session, its open sweeps and, when it was opened for this session alone, its run."""
    connection.execute(
        update(ScrapingSession)
        .where(ScrapingSession.id == session.id)
        .values(
            status=outcome,
            finish_reason=reason,
            completed_at=select(func.app_now()).scalar_subquery(),
            heartbeat_at=func.clock_timestamp(),
            stats=dict(stats or {}),
        )
    )
    connection.execute(statement("session_end"), {"session_ids": [session.id]})


def bury_the_dead(connection: Connection) -> int:
    """Running sessions without a heartbeat for DEAD_AFTER become failed; how many there were."""
    return _bury(connection, ScrapingSession.heartbeat_at < func.clock_timestamp() - text(f"interval '{DEAD_AFTER}'"))


def bury(connection: Connection, session_ids: Sequence[uuid.UUID]) -> int:
    """The same for sessions of which something else tells that they died."""
    return _bury(connection, ScrapingSession.id.in_(session_ids))


def _bury(connection: Connection, which: ColumnElement[bool]) -> int:
    died = (
        update(ScrapingSession)
        .where(ScrapingSession.status == "running", which)
        .values(status="failed", finish_reason="died", completed_at=select(func.app_now()).scalar_subquery())
        .returning(ScrapingSession.id)
    )
    dead = list(connection.execute(died).scalars())
    if dead:
        connection.execute(statement("session_end"), {"session_ids": dead})
    return len(dead)
