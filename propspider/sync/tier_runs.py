"""Runs of tiers: opened, taken up, told the truth about. The caller commits; a run is written to only under its lease."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB

from propspider.db.models import PropertyLive, ScrapingSession, SyncRun
from propspider.sync import leases, queue, runs, statement
from propspider.sync.leases import Lease

Status = Literal["completed", "failed", "cancelled"]


@dataclass(frozen=True)
class TierRun:
    """A run that has not ended, as its row tells."""

    id: uuid.UUID
    portal: str
    tier_level: int | None
    tier_name: str
    started_at: datetime
    metadata: dict[str, Any]


@dataclass(frozen=True)
class Crawl:
    """A session of a run. `handled`: detail pages that were read, refused or lost."""

    id: uuid.UUID
    spider: str
    status: str
    finish_reason: str | None
    stored: int
    handled: int
    seconds: float


@dataclass(frozen=True)
class LastRun:
    """`last_scheduled`: when the tier was last found due by its schedule, in whichever run; None: only ever by hand."""

    id: uuid.UUID
    status: str
    started_at: datetime
    completed_at: datetime | None
    error_summary: str | None
    metadata: dict[str, Any]
    last_scheduled: datetime | None


@dataclass(frozen=True)
class ScopeSize:
    """As the last walk of a scope found it; `page_size` in cards."""

    scope: str
    listings: int
    page_size: float


@dataclass(frozen=True)
class Outcomes:
    """Pages of a run."""

    read: int
    failed: int

    @property
    def success_rate(self) -> float:
        """A share of 1; 1 where nothing was asked for."""
        return self.read / (self.read + self.failed) if self.read + self.failed else 1.0


def open_run(connection: Connection, portal: str, level: int | None, name: str, metadata: Mapping[str, Any]) -> TierRun:
    opened = (
        insert(SyncRun)
        .values(portal=portal, tier_level=level, tier_name=name, metadata_=dict(metadata))
        .returning(SyncRun.id, SyncRun.started_at)
    )
    row = connection.execute(opened).one()
    return TierRun(row.id, portal, level, name, row.started_at, dict(metadata))


def unfinished(connection: Connection, portal: str | None = None) -> list[TierRun]:
    """Runs of tiers whose row says that they are running, the oldest first; whether somebody does run them, their lease tells."""
    found = (
        select(SyncRun.id, SyncRun.portal, SyncRun.tier_level, SyncRun.tier_name, SyncRun.started_at, SyncRun.metadata_)
        .where(SyncRun.status == "running", SyncRun.tier_name.is_not(None))
        .order_by(SyncRun.started_at)
    )
    if portal is not None:
        found = found.where(SyncRun.portal == portal)
    return [TierRun(*row) for row in connection.execute(found)]


def note(connection: Connection, run_id: uuid.UUID, lease: Lease, facts: Mapping[str, Any]) -> None:
    """Puts facts into the run's metadata. Raises Superseded."""
    leases.check(connection, lease)
    patch = literal(json.loads(json.dumps(dict(facts), default=str)), JSONB)
    connection.execute(update(SyncRun).where(SyncRun.id == run_id).values({"metadata": SyncRun.metadata_.op("||")(patch)}))


def add_queued(connection: Connection, run_id: uuid.UUID, lease: Lease, rows: int) -> None:
    """Raises Superseded."""
    leases.check(connection, lease)
    connection.execute(update(SyncRun).where(SyncRun.id == run_id).values(properties_queued=SyncRun.properties_queued + rows))


def close(connection: Connection, run_id: uuid.UUID, status: Status, error_summary: str | None) -> None:
    """Its counters stay as its crawls left them. A run that has ended already is left alone."""
    over = select(func.app_now()).scalar_subquery()
    connection.execute(
        update(SyncRun)
        .where(SyncRun.id == run_id, SyncRun.status == "running")
        .values(
            status=status,
            completed_at=over,
            error_summary=error_summary,
            execution_time_ms=func.extract("epoch", over - SyncRun.started_at) * 1000,
        )
    )


def crawls(connection: Connection, run_id: uuid.UUID) -> list[Crawl]:
    return [Crawl(**row) for row in connection.execute(statement("tier_sessions"), {"run_id": run_id}).mappings()]


def bury_crawl(connection: Connection, session_id: uuid.UUID) -> None:
    """A crawl whose process is gone without a word: what it had claimed and held is free again."""
    alive = select(ScrapingSession.id).where(ScrapingSession.id == session_id, ScrapingSession.status == "running")
    if connection.execute(alive).first() is None:
        return
    queue.release(connection, session_id)
    runs.bury(connection, [session_id])
    leases.release_dead(connection, session_id)


def bury_crawls(connection: Connection, run_id: uuid.UUID) -> None:
    """All that still seem to run, of a run that lost its runner."""
    for crawl in crawls(connection, run_id):
        if crawl.status == "running":
            bury_crawl(connection, crawl.id)


def outcomes(connection: Connection, run_id: uuid.UUID) -> Outcomes:
    row = connection.execute(statement("tier_outcomes"), {"run_id": run_id}).one()
    return Outcomes(int(row.read), int(row.failed))


def history(connection: Connection, portal: str) -> dict[str, LastRun]:
    """Tier name → its last run."""
    rows = connection.execute(statement("tier_history"), {"portal": portal}).mappings()
    return {row["tier_name"]: LastRun(**{key: value for key, value in row.items() if key != "tier_name"}) for row in rows}


def shown(connection: Connection, portal: str) -> int:
    """Listings of the portal that are shown."""
    of_portal = select(func.count()).where(PropertyLive.portal == portal, PropertyLive.status == "active")
    return int(connection.execute(of_portal).scalar_one())


def scope_sizes(connection: Connection, portal: str) -> dict[str, ScopeSize]:
    rows = connection.execute(statement("tier_pages"), {"portal": portal}).mappings()
    return {row["scope"]: ScopeSize(**row) for row in rows}


def scopes_to_go_on(connection: Connection, run_id: uuid.UUID) -> dict[str, int]:
    """Scope → the last page that the run walked, where that one still held something new."""
    return {row.scope: row.pages_wanted for row in connection.execute(statement("tier_go_on"), {"run_id": run_id})}
