"""Rows as the pipelines would have written them, through the same functions."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Engine

from propspider.db.engine import create_engine
from propspider.items import CrawlError, ErrorType, ManifestEntry, ManifestPage, Offer, Operation, PropertyItem, PropertyType
from propspider.sync import runs
from propspider.sync.arrivals import record_pages
from propspider.sync.promote import promote
from propspider.sync.runs import Counts, SessionRef

NOON = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
HOSTILE = "Casa [/] [bold red]barata[/bold red] ñandú"
PAGE = "https://www.pincali.com/en/properties/properties-for-sale"


def listing_id(number: int) -> str:
    return f"pincali:EB-AB{number:04d}"


def home(number: int) -> str:
    return f"https://www.pincali.com/en/home/casa-{number}"


def sale(amount: int) -> Offer:
    return Offer(Operation.SALE, amount=Decimal(amount), currency="MXN")


def entry(number: int, *, price: int | None = 1_000_000, title: str | None = None) -> ManifestEntry:
    return ManifestEntry(
        property_id=listing_id(number),
        source_url=home(number),
        title=title or f"Casa {number}",
        latitude=20.5,
        longitude=-100.25,
        offers=() if price is None else (sale(price),),
        internal_id=str(5_000_000 + number),
        property_type=PropertyType.HOUSE,
    )


def page(
    entries: Sequence[ManifestEntry],
    *,
    number: int = 1,
    scope: str = "sale",
    at: datetime = NOON,
    total: int = 60,
    capped: bool = False,
) -> ManifestPage:
    return ManifestPage(
        entries=tuple(entries),
        stated_total=total,
        page=number,
        next_page=number + 1,
        cards=len(entries),
        portal="pincali",
        scope=scope,
        url=f"{PAGE}?page={number}",
        observed_at=at,
        cap_hit=capped,
    )


def item(
    number: int, *, price: int = 1_000_000, at: datetime = NOON + timedelta(minutes=5), title: str | None = None
) -> PropertyItem:
    return PropertyItem(
        property_id=listing_id(number),
        source_url=home(number),
        title=title or f"Casa {number}",
        property_type=PropertyType.HOUSE,
        offers=(sale(price),),
        city="Querétaro",
        portal="pincali",
        observed_at=at,
        data_completeness_score=Decimal("0.50"),
        content_hash=f"{number}-{price}",
    )


def open_session(engine: Engine, spider: str) -> SessionRef:
    with engine.begin() as connection:
        return runs.open_session(
            connection,
            portal="pincali",
            spider=spider,
            arguments={},
            base_url="https://www.pincali.com",
            parser_version="0123456789ab",
        )


def close(engine: Engine, session: SessionRef, counts: Counts | None = None) -> uuid.UUID:
    with engine.begin() as connection:
        runs.add_counts(connection, session, counts or Counts())
        runs.close_session(connection, session, outcome="completed", reason="finished")
    return session.id


def walk(engine: Engine, pages: Sequence[ManifestPage], *, wanted: int = 0) -> uuid.UUID:
    """One finished manifest session."""
    session = open_session(engine, "manifest")
    with engine.begin() as connection:
        counts = record_pages(connection, session, pages, pages_wanted=wanted)
    return close(engine, session, counts)


def store(engine: Engine, items: Sequence[PropertyItem]) -> uuid.UUID:
    """One finished detail session."""
    session = open_session(engine, "detail")
    with engine.begin() as connection:
        counts = promote(connection, session, items)
    return close(engine, session, counts)


def lost(number: int, message: str) -> CrawlError:
    return CrawlError(
        portal="pincali", error_type=ErrorType.DOWNLOAD, message=message, url=home(number), property_id=listing_id(number)
    )


@contextmanager
def engine_on(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()
