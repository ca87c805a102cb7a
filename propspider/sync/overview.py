"""How things stand: read only. Functions take a connection."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import distinct_on

from propspider.db.models import PropertyLive, PropertyManifest, ScrapingError, ScrapingSession, SyncMetadata
from propspider.sync import statement

_SECONDS = sa.cast(
    sa.func.extract(
        "epoch",
        sa.func.coalesce(ScrapingSession.completed_at, sa.select(sa.func.app_now()).scalar_subquery())
        - ScrapingSession.started_at,
    ),
    sa.Float,
)


@dataclass(frozen=True)
class SessionReport:
    """`new`: of the manifest for a manifest session, of live for a detail session. `updated`: listings whose live row it changed.
    `silent_seconds` is None for a session that has ended; `quality` is None where nothing was scored.
    """

    id: uuid.UUID
    portal: str
    spider: str
    status: str
    finish_reason: str | None
    arguments: dict[str, Any]
    started_at: datetime
    completed_at: datetime | None
    seconds: float
    silent_seconds: float | None
    pages: int
    listings: int
    new: int
    queued: int
    stored: int
    updated: int
    unchanged: int
    price_changes: int
    quality: Decimal | None
    errors: int


@dataclass(frozen=True)
class Walk:
    """One sweep; `verdict` is None until it was judged, `pages_wanted` 0 for all. `distinct_listings` and `expected_listings`
    (of the complete sweep before) are None until then; `parts`: how many its scope was split into, 0 for none.
    """

    id: int
    session_id: uuid.UUID
    portal: str
    scope: str
    status: str
    verdict: str | None
    reasons: list[str]
    pages_wanted: int
    pages_fetched: int
    pages_failed: int
    cards: int
    entries: int
    distinct_listings: int | None
    expected_listings: int | None
    residual: int
    first_stated_total: int | None
    last_stated_total: int | None
    cap_hit: bool
    started_at: datetime
    completed_at: datetime | None
    parts: int


@dataclass(frozen=True)
class Freshness:
    """Of a portal: listings shown, those whose detail page was read within so many days, and cases of what may be gone."""

    portal: str
    listings: int
    within_7_days: int
    within_14_days: int
    within_30_days: int
    open_cases: int
    quarantined: int
    removed_within_7_days: int


@dataclass(frozen=True)
class ManifestStats:
    """`scope` None: the whole portal, where a listing of two scopes counts once."""

    portal: str
    scope: str | None
    listings: int
    seen_in_last_sweep: int
    new: int
    needing_a_scrape: int
    price_changed: int
    without_price: int
    oldest_sighting: datetime
    newest_sighting: datetime


@dataclass(frozen=True)
class Progress:
    """`pages` and `listings` so far, `seconds` since the session began; `pages_expected` is None while nothing tells."""

    pages: int
    listings: int
    pages_expected: int | None
    seconds: float


@dataclass(frozen=True)
class ErrorLine:
    error_type: str
    message: str
    url: str | None
    times: int


def manifest_sizes(connection: Connection) -> dict[str, int]:
    counted = sa.select(PropertyManifest.portal, sa.func.count().label("listings")).group_by(PropertyManifest.portal)
    return {row.portal: row.listings for row in connection.execute(counted)}


def live_by_status(connection: Connection) -> dict[str, dict[str, int]]:
    """Portal → listing_status → rows."""
    counted = (
        sa.select(PropertyLive.portal, PropertyLive.listing_status, sa.func.count())
        .group_by(PropertyLive.portal, PropertyLive.listing_status)
        .order_by(PropertyLive.portal, PropertyLive.listing_status)
    )
    found: dict[str, dict[str, int]] = {}
    for portal, status, rows in connection.execute(counted):
        found.setdefault(portal, {})[status] = rows
    return found


def session_reports(connection: Connection, ids: Sequence[uuid.UUID]) -> list[SessionReport]:
    return [SessionReport(**row) for row in connection.execute(statement("session_reports"), {"ids": list(ids)}).mappings()]


def latest_sessions(connection: Connection) -> list[SessionReport]:
    """The last session of each portal and spider, and all that are running."""
    last = (
        sa.select(ScrapingSession.id)
        .ext(distinct_on(ScrapingSession.portal, ScrapingSession.spider))
        .order_by(ScrapingSession.portal, ScrapingSession.spider, ScrapingSession.started_at.desc())
    )
    running = sa.select(ScrapingSession.id).where(ScrapingSession.status == "running")
    ids = {*connection.execute(last).scalars(), *connection.execute(running).scalars()}
    return session_reports(connection, list(ids))


def latest_walks(connection: Connection, portal: str | None = None) -> list[Walk]:
    """The last sweep of each scope."""
    return [Walk(**row) for row in connection.execute(statement("sweep_latest"), {"portal": portal}).mappings()]


def walks(connection: Connection, portal: str | None, scope: str | None, *, limit: int) -> list[Walk]:
    """The newest sweeps first."""
    parameters = {"portal": portal, "scope": scope, "most": limit}
    return [Walk(**row) for row in connection.execute(statement("sweep_list"), parameters).mappings()]


def freshness(connection: Connection) -> dict[str, Freshness]:
    """By portal; one without a live row and a case is not among them."""
    return {row["portal"]: Freshness(**row) for row in connection.execute(statement("freshness")).mappings()}


def manifest_stats(connection: Connection, portal: str | None = None) -> list[ManifestStats]:
    return [ManifestStats(**row) for row in connection.execute(statement("manifest_stats"), {"portal": portal}).mappings()]


def started_session(connection: Connection, portal: str, spider: str, *, known: Sequence[uuid.UUID]) -> uuid.UUID | None:
    """The first session of this portal and spider beside the known ones."""
    return connection.execute(
        sa.select(ScrapingSession.id)
        .where(ScrapingSession.portal == portal, ScrapingSession.spider == spider, ScrapingSession.id.not_in(known))
        .order_by(ScrapingSession.started_at)
        .limit(1)
    ).scalar()


def session_ids(connection: Connection, portal: str, spider: str) -> list[uuid.UUID]:
    chosen = sa.select(ScrapingSession.id).where(ScrapingSession.portal == portal, ScrapingSession.spider == spider)
    return list(connection.execute(chosen).scalars())


def walk_progress(
    connection: Connection, session_id: uuid.UUID, portal: str, *, scopes: Sequence[str], page_cap: int | None
) -> Progress:
    """Of a manifest session. A scope that it has not begun counts with the pages of its last sweep."""
    rows = connection.execute(statement("session_walks"), {"portal": portal, "session_id": session_id}).mappings()
    walks = {row["scope"]: row for row in rows}
    own = [walk for walk in walks.values() if walk["is_own"]]
    expected = [_pages_expected(walks[scope], page_cap) if scope in walks else None for scope in scopes]
    known = [pages for pages in expected if pages is not None]
    return Progress(
        pages=sum(walk["pages"] for walk in own),
        listings=sum(walk["entries"] for walk in own),
        pages_expected=sum(known) if len(known) == len(scopes) else None,
        seconds=connection.execute(sa.select(_SECONDS).where(ScrapingSession.id == session_id)).scalar_one(),
    )


def _pages_expected(walk: Mapping[Any, Any], page_cap: int | None) -> int | None:
    if not walk["is_own"] or walk["first_stated_total"] is None or not walk["cards"]:
        return None if walk["is_own"] else int(walk["pages"])
    bounds = [-(-walk["first_stated_total"] * walk["pages"] // walk["cards"]), walk["pages_wanted"], page_cap]
    return min(int(bound) for bound in bounds if bound)


def detail_progress(connection: Connection, session_id: uuid.UUID, *, expected: int) -> Progress:
    """Of a detail session; `expected` is what the queue held when it began."""
    row = connection.execute(
        sa.select(
            SyncMetadata.stored_properties,
            SyncMetadata.total_scraped + ScrapingSession.error_count - SyncMetadata.rejected_properties,
            _SECONDS,
        )
        .join(ScrapingSession, ScrapingSession.id == SyncMetadata.session_id)
        .where(SyncMetadata.session_id == session_id)
    ).one()
    return Progress(pages=row[1], listings=row[0], pages_expected=max(expected, row[1]), seconds=row[2])


def error_lines(connection: Connection, session_id: uuid.UUID | None, *, limit: int = 5) -> list[ErrorLine]:
    """A session's errors, the most frequent first, with one URL of each."""
    grouped = (
        sa.select(ScrapingError.error_type, ScrapingError.message, sa.func.min(ScrapingError.url), sa.func.count())
        .where(ScrapingError.session_id == session_id)
        .group_by(ScrapingError.error_type, ScrapingError.message)
        .order_by(sa.func.count().desc(), ScrapingError.error_type, ScrapingError.message)
        .limit(limit)
    )
    return [ErrorLine(*row) for row in connection.execute(grouped)]
