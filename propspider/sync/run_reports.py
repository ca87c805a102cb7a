"""Runs for people: read only. Functions take a connection."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from propspider.db.models import ScrapingError, ScrapingSession, SyncRun
from propspider.sync import leases, overview, statement
from propspider.sync.overview import SessionReport


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """`tier_name` None: a crawl that is no step of a tier. `state`: its status, or `cut off` for a tier's run that is open and
    that nobody carries out. `seconds`: until now for an open one.
    """

    id: uuid.UUID
    portal: str
    tier_level: int | None
    tier_name: str | None
    state: str
    started_at: datetime
    completed_at: datetime | None
    seconds: float
    pages_scanned: int
    properties_in_manifest: int
    new_properties_found: int
    price_changes_detected: int
    removals_detected: int
    removals_confirmed: int
    properties_queued: int
    properties_scraped: int
    properties_updated: int
    error_count: int
    error_summary: str | None
    metadata: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class RunDetails:
    """A run with its crawls, and its errors by type."""

    run: RunReport
    sessions: list[SessionReport]
    errors: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class News:
    """One listing's. `old_value` and `new_value`: a price in `currency`, or a status. `evidence`: what said that it is gone."""

    property_id: str
    title: str
    kind: Literal["new", "repriced", "removed"]
    old_value: Any
    new_value: Any
    currency: str | None
    evidence: list[str] | None


def news(connection: Connection, runs: Sequence[uuid.UUID]) -> list[News]:
    """What runs brought, in the order in which it came."""
    return [News(**row) for row in connection.execute(statement("run_news"), {"runs": list(runs)}).mappings()]


def reports(
    connection: Connection, *, portal: str | None = None, tier: str | None = None, ids: Sequence[uuid.UUID] = (), limit: int = 20
) -> list[RunReport]:
    """The newest first. `tier` is a tier's name."""
    over = sa.func.coalesce(SyncRun.completed_at, sa.select(sa.func.app_now()).scalar_subquery())
    seconds = sa.cast(sa.func.extract("epoch", over - SyncRun.started_at), sa.Float).label("seconds")
    found = sa.select(*SyncRun.__table__.columns, seconds).order_by(SyncRun.started_at.desc(), SyncRun.id).limit(limit)
    if portal is not None:
        found = found.where(SyncRun.portal == portal)
    if tier is not None:
        found = found.where(SyncRun.tier_name == tier)
    if ids:
        found = found.where(SyncRun.id.in_(ids))
    rows = connection.execute(found).mappings().all()
    names = {row["id"]: leases.of_tier(row["portal"], row["tier_level"]) for row in rows if row["status"] == "running"}
    held = {one.name for one in leases.held(connection, list(names.values()))}
    wanted = RunReport.__dataclass_fields__.keys() - {"state"}
    return [
        RunReport(
            state="cut off" if row["tier_name"] and row["id"] in names and names[row["id"]] not in held else row["status"],
            **{name: row[name] for name in wanted},
        )
        for row in rows
    ]


def details(connection: Connection, run_id: uuid.UUID) -> RunDetails:
    """Of a run that there is."""
    (run,) = reports(connection, ids=[run_id])
    of_run = sa.select(ScrapingSession.id).where(ScrapingSession.sync_run_id == run_id)
    sessions = overview.session_reports(connection, list(connection.execute(of_run).scalars()))
    counted = (
        sa.select(ScrapingError.error_type, sa.func.count())
        .where(ScrapingError.session_id.in_(of_run))
        .group_by(ScrapingError.error_type)
        .order_by(sa.func.count().desc(), ScrapingError.error_type)
    )
    return RunDetails(run=run, sessions=sessions, errors=dict(connection.execute(counted).all()))
