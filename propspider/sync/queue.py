"""The window of detail pages to fetch. Every function takes a connection; the caller commits."""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

from sqlalchemy import Connection, case, delete, func, select, text, update

from propspider.db.models import ScrapeQueue
from propspider.db.prepared import Pipeline, Rows, pipeline
from propspider.items import Claim
from propspider.sync import breaker, statement

Kind = Literal["detail", "verify"]
Reason = Literal["on_demand", "new_property", "relisted", "price_change", "verification", "stale_data", "random_sample"]

PRIORITY: dict[Reason, int] = {
    "on_demand": 1,
    "new_property": 1,
    "relisted": 1,
    "price_change": 2,
    "verification": 3,
    "stale_data": 4,
    "random_sample": 5,
}


STEPS: dict[int, timedelta] = {
    1: timedelta(0),
    2: timedelta(hours=1),
    3: timedelta(hours=6),
    4: timedelta(days=3),
    5: timedelta(days=7),
}
"""claim_key = queued_at + step: what a priority yields to younger rows of a higher one. So a row waits at most its step plus the
time in which the window's other rows are fetched. `queue_step()` in the database says the same.
"""

PortalPaused = breaker.PortalPaused
"""For the spiders, which know no other module of this package."""

GO_ON_SECONDS = 5.0
CEILING = 10_000
"""Most rows of a portal in the window; on-demand rows come on top."""
CHANGED_SHARE = 25
STALE_SHARE = 5
"""Percent of each refill that price moves and stale listings get before new listings take the rest."""
_TOP_UP_LOCK = 7_310_002


@dataclass(frozen=True)
class Want:
    property_id: str
    source_url: str
    reason: Reason


@dataclass(frozen=True)
class QueuedProperty:
    """A row leased to this worker until its lease ends."""

    claim: Claim
    source_url: str
    reason: Reason
    priority: int
    claim_key: datetime


@dataclass(frozen=True)
class Failure:
    """`counted` False: the failure says nothing about the listing, so it costs no attempt."""

    claim: Claim
    error: str
    counted: bool = True


@dataclass(frozen=True)
class QueueStats:
    pending_count: int
    in_progress_count: int
    completed_today: int
    failed_today: int
    dead_letters: int
    backed_off: int
    by_priority: dict[int, int]
    by_reason: dict[str, int]
    oldest_wait_seconds: float | None
    """Of pending rows; None when there are none."""


def enqueue(connection: Connection, portal: str, wants: Sequence[Want], *, kind: Kind = "detail") -> int:
    """How many listings were added; one that is open already only gains priority."""
    best: dict[str, Want] = {}
    for want in wants:
        known = best.get(want.property_id)
        if known is None or PRIORITY[want.reason] < PRIORITY[known.reason]:
            best[want.property_id] = want
    if not best:
        return 0
    chosen = list(best.values())
    rows = connection.execute(
        statement("queue_enqueue"),
        {
            "portal": portal,
            "kind": kind,
            "property_ids": [w.property_id for w in chosen],
            "source_urls": [w.source_url for w in chosen],
            "priorities": [PRIORITY[w.reason] for w in chosen],
            "reasons": [w.reason for w in chosen],
        },
    )
    return sum(row.inserted for row in rows)


def want_now(connection: Connection, portal: str, property_id: str) -> bool:
    """Queue one known listing on demand, past any back-off; False for a listing that nobody has seen."""
    url = connection.execute(statement("queue_known_url"), {"portal": portal, "property_id": property_id}).scalar()
    if url is None:
        return False
    # A verification that waits would keep its row: whoever asks for the page now learns the same from it.
    cancel(connection, [property_id], reason="asked for on demand", kind="verify")
    enqueue(connection, portal, [Want(property_id, url, "on_demand")])
    end_back_off(connection, property_id, kind="detail")
    return True


def end_back_off(connection: Connection, property_id: str, *, kind: Kind) -> None:
    """A pending row of one listing becomes claimable at once, before all others of its time."""
    connection.execute(
        update(ScrapeQueue)
        .where(ScrapeQueue.property_id == property_id, ScrapeQueue.status == "pending", ScrapeQueue.kind == kind)
        .values(not_before=None, claim_key=ScrapeQueue.queued_at)
    )


def claim(
    connection: Connection,
    portal: str,
    *,
    batch: int,
    worker: str,
    session_id: uuid.UUID | None,
    lease_seconds: float,
    kind: Kind = "detail",
    property_id: str | None = None,
    after: datetime | None = None,
) -> list[QueuedProperty]:
    """The next rows in claim order, leased to `worker`. No row is handed to two workers while its lease holds.

    `after`: pass over rows of an earlier claim_key, and over leases and back-offs that have ended since.
    """
    if after is None:
        connection.execute(statement("queue_reopen"), {"portal": portal, "kind": kind})
    rows = connection.execute(
        statement("queue_claim"),
        {
            "portal": portal,
            "kind": kind,
            "batch": batch,
            "worker": worker,
            "session_id": session_id,
            "lease_seconds": lease_seconds,
            "property_id": property_id,
            "after": after,
        },
    ).all()
    return [
        QueuedProperty(
            Claim(row.id, row.lease_no, row.property_id), row.source_url, row.queue_reason, row.priority, row.claim_key
        )
        for row in sorted(rows, key=lambda row: (row.claim_key, row.id))
    ]


class Claimer:
    """One worker's claims. Goes on where its last claim ended for a few seconds, then looks from the head again: what became more
    urgent meanwhile waits no longer than that.
    """

    def __init__(
        self,
        portal: str,
        *,
        worker: str,
        session_id: uuid.UUID | None,
        lease_seconds: float,
        property_id: str | None = None,
    ) -> None:
        self._portal = portal
        self._claim = partial(
            claim,
            portal=portal,
            worker=worker,
            session_id=session_id,
            lease_seconds=lease_seconds,
            property_id=property_id,
        )
        self._after: datetime | None = None
        self._from_the_head_at = 0.0

    def claim(self, connection: Connection, batch: int) -> list[QueuedProperty]:
        """Raises PortalPaused."""
        breaker.check(connection, self._portal)
        rows: list[QueuedProperty] = []
        now = time.monotonic()
        if self._after is not None and now < self._from_the_head_at:
            rows = self._claim(connection, batch=batch, after=self._after)
        if len(rows) < batch:
            rows += self._claim(connection, batch=batch - len(rows))
            self._from_the_head_at = now + GO_ON_SECONDS
        self._after = max((row.claim_key for row in rows), default=None)
        return rows


def top_up(
    connection: Connection,
    portal: str,
    *,
    ceiling: int = CEILING,
    stale_before: datetime | None = None,
    sample: int = 0,
) -> int:
    """Fill the window from what is in need, up to its ceiling; how many rows were added. Cheap when there is no room.

    Fills when a tenth of the window is free or it is not full anyway; nothing while another process is filling it.
    """
    parameters = {"portal": portal, "ceiling": ceiling, "lock": _TOP_UP_LOCK}
    room: int | None = connection.execute(statement("queue_room"), parameters).scalar_one()
    if not room or room < min(ceiling // 10, 1000):
        return 0
    added = connection.execute(
        statement("queue_top_up"),
        {
            "portal": portal,
            "room": room,
            "changed_share": room * CHANGED_SHARE // 100,
            "stale_share": room * STALE_SHARE // 100,
            "stale_before": stale_before,
            "sample": sample,
        },
    )
    return len(added.all())


def complete(connection: Connection, stored: Sequence[tuple[Claim, datetime]]) -> set[int]:
    """(claim, when its page was fetched) → ids settled as completed. A claim whose lease was taken over is not among them,
    nor one that was wanted again after its page was fetched: that row is open anew.
    """
    with pipeline(connection) as pipe:
        settled = settle(pipe, stored)
        return {row_id for row_id, status in settled.fetchall() if status == "completed"} if settled is not None else set()


def settle(pipe: Pipeline, stored: Sequence[tuple[Claim, datetime]]) -> Rows | None:
    """The same without waiting for it: rows of id and new status. None where nothing was claimed."""
    if not stored:
        return None
    rows = sorted((claim.queue_id, claim.lease_no, observed_at) for claim, observed_at in stored)
    ids, lease_nos, observed = map(list, zip(*rows, strict=True))
    return pipe.send(statement("queue_complete"), {"ids": ids, "lease_nos": lease_nos, "observed": observed})


def fail(connection: Connection, failures: Sequence[Failure]) -> dict[int, str]:
    """Queue id → its new status, `pending` (backed off) or `failed` (dead letter). The caller holds the listings' locks."""
    if not failures:
        return {}
    parameters = {
        "ids": [f.claim.queue_id for f in failures],
        "lease_nos": [f.claim.lease_no for f in failures],
        "errors": [f.error for f in failures],
        "counted": [f.counted for f in failures],
    }
    rows = connection.execute(statement("queue_fail"), parameters).all()
    if dead := [row.property_id for row in rows if row.status == "failed" and row.kind == "detail"]:
        connection.execute(statement("state_given_up"), {"property_ids": dead})
    return {row.id: row.status for row in rows}


def postpone(connection: Connection, claims: Mapping[Claim, str], *, wait: timedelta) -> int:
    """Claim → why it is asked again, no sooner than after `wait`. Costs no attempt. How many still held their lease."""
    parameters = {
        "ids": [claim.queue_id for claim in claims],
        "lease_nos": [claim.lease_no for claim in claims],
        "reasons": list(claims.values()),
        "seconds": wait.total_seconds(),
    }
    return len(connection.execute(statement("queue_postpone"), parameters).all()) if claims else 0


def cancel(
    connection: Connection, property_ids: Sequence[str], *, reason: str, kind: Kind | None = None, keep: Reason | None = None
) -> int:
    """How many pending rows were cancelled; a page that is being fetched is left to its worker. `kind` None: of both kinds;
    `keep`: rows of this reason stay.
    """
    parameters = {"property_ids": list(property_ids), "reason": reason, "kind": kind, "keep": keep}
    return len(connection.execute(statement("queue_cancel"), parameters).all()) if property_ids else 0


def release(connection: Connection, session_id: uuid.UUID) -> int:
    """Hand back what a session claimed and did not settle, as if it had never been claimed."""
    released = (
        update(ScrapeQueue)
        .where(ScrapeQueue.session_id == session_id, ScrapeQueue.status == "in_progress")
        .values(status="pending", lease_until=None, claimed_at=None, claimed_by=None, wanted_at=None)
    )
    return connection.execute(released).rowcount


def requeue(connection: Connection, portal: str | None = None, *, limit: int | None = None) -> int:
    """Give dead letters a new start; how many. A listing that is queued again already keeps that row."""
    return len(connection.execute(statement("queue_requeue"), {"portal": portal, "limit": limit}).all())


def cleanup(connection: Connection, *, older_than: timedelta, portal: str | None = None) -> int:
    """Delete completed and cancelled rows older than this; dead letters stay until they are requeued."""
    stale = delete(ScrapeQueue).where(
        ScrapeQueue.status.in_(("completed", "cancelled")),
        ScrapeQueue.completed_at < select(func.app_now() - older_than).scalar_subquery(),
    )
    if portal is not None:
        stale = stale.where(ScrapeQueue.portal == portal)
    return connection.execute(stale).rowcount


def waiting(connection: Connection, portal: str, kind: Kind) -> dict[str, int]:
    """Reason → pending rows."""
    of_kind = (ScrapeQueue.portal == portal, ScrapeQueue.kind == kind, ScrapeQueue.status == "pending")
    counted = select(ScrapeQueue.queue_reason, func.count()).where(*of_kind).group_by(ScrapeQueue.queue_reason)
    return dict(connection.execute(counted).all())


def stats(connection: Connection, portal: str | None = None) -> QueueStats:
    """Counts of now; "today" begins at midnight UTC."""
    of_portal = ScrapeQueue.portal == portal if portal is not None else text("true")
    today = func.date_trunc("day", select(func.app_now()).scalar_subquery(), "UTC")
    settled_today = ScrapeQueue.completed_at >= today
    totals = connection.execute(
        select(
            func.count().filter(ScrapeQueue.status == "pending").label("pending"),
            func.count().filter(ScrapeQueue.status == "in_progress").label("in_progress"),
            func.count().filter(ScrapeQueue.status == "completed", settled_today).label("completed"),
            func.count().filter(ScrapeQueue.status == "failed", settled_today).label("failed"),
            func.count().filter(ScrapeQueue.status == "failed").label("dead"),
            func.count().filter(ScrapeQueue.status == "pending", ScrapeQueue.not_before.is_not(None)).label("backed_off"),
            func.extract(
                "epoch",
                select(func.app_now()).scalar_subquery()
                - func.min(case((ScrapeQueue.status == "pending", ScrapeQueue.queued_at))),
            ).label("oldest"),
        ).where(of_portal)
    ).one()
    pending = ScrapeQueue.status == "pending"
    by_priority = select(ScrapeQueue.priority, func.count()).where(of_portal, pending).group_by(ScrapeQueue.priority)
    by_reason = select(ScrapeQueue.queue_reason, func.count()).where(of_portal, pending).group_by(ScrapeQueue.queue_reason)
    return QueueStats(
        pending_count=totals.pending,
        in_progress_count=totals.in_progress,
        completed_today=totals.completed,
        failed_today=totals.failed,
        dead_letters=totals.dead,
        backed_off=totals.backed_off,
        by_priority=dict(sorted(connection.execute(by_priority).all())),
        by_reason=dict(sorted(connection.execute(by_reason).all())),
        oldest_wait_seconds=float(totals.oldest) if totals.oldest is not None else None,
    )
