"""What session rows tell of crawls whose processes nobody can look at."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from propspider.db.models import ScrapingSession


@dataclass(frozen=True)
class Heartbeat:
    """`silent_seconds` since the last one, in real time."""

    status: str
    silent_seconds: float


def sessions(connection: Connection, run_id: uuid.UUID) -> frozenset[uuid.UUID]:
    """Of a run, so far."""
    found = select(ScrapingSession.id).where(ScrapingSession.sync_run_id == run_id)
    return frozenset(connection.execute(found).scalars())


def latest(connection: Connection, run_id: uuid.UUID, spider: str, *, but: Collection[uuid.UUID]) -> Heartbeat | None:
    """Of the youngest session of that spider in a run, those of `but` aside; None when there is none."""
    silence = func.extract("epoch", func.clock_timestamp() - ScrapingSession.heartbeat_at)
    found = (
        select(ScrapingSession.status, silence.label("silent_seconds"))
        .where(ScrapingSession.sync_run_id == run_id, ScrapingSession.spider == spider, ScrapingSession.id.not_in(but))
        .order_by(ScrapingSession.heartbeat_at.desc())
        .limit(1)
    )
    row = connection.execute(found).first()
    return None if row is None else Heartbeat(row.status, float(row.silent_seconds))
