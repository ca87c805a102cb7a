"""Invented items, and the session that brings them. Everything has a default: a test names what it is about."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from propspider.items import ManifestEntry, ManifestPage, Offer, Operation, PriceKind, PriceUnit, PropertyItem, PropertyType
from propspider.pipelines.diff import content_hash
from propspider.sync import runs
from propspider.sync.runs import SessionRef

PORTAL = "pincali"
SITE = "https://www.pincali.com"
EARLY = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return EARLY + timedelta(minutes=minutes)


def listing(number: int = 1) -> str:
    return f"{PORTAL}:EB-AA{number:04}"


def url_of(property_id: str) -> str:
    return f"{SITE}/en/home/{property_id.partition(':')[2].lower()}"


def offer(
    amount: str | int | Decimal | None = 4_650_000,
    currency: str | None = "MXN",
    operation: str | Operation = "sale",
    *,
    unit: str | PriceUnit = "total",
    kind: str | PriceKind | None = None,
    amount_max: int | None = None,
) -> Offer:
    """On request where the amount is None, a range where there are two."""
    understood = PriceKind.ON_REQUEST if amount is None else PriceKind.RANGE if amount_max else PriceKind.EXACT
    return Offer(
        operation=Operation(operation),
        kind=PriceKind(kind or understood),
        amount=None if amount is None else Decimal(amount),
        currency=None if amount is None else currency,
        unit=PriceUnit(unit),
        amount_max=None if amount_max is None else Decimal(amount_max),
    )


def entry(property_id: str | int = 1, *offers: Offer, **facts: Any) -> ManifestEntry:
    """`offers` None in `facts`: a card without a price."""
    name = listing(property_id) if isinstance(property_id, int) else property_id
    known: dict[str, Any] = {
        "source_url": url_of(name),
        "title": "A house",
        "latitude": 20.5,
        "longitude": -103.25,
        "exact_location": True,
        "offers": offers or (offer(),),
        "property_type": PropertyType.HOUSE,
    }
    known |= facts
    if known["offers"] is None:
        known["offers"] = ()
    return ManifestEntry(property_id=name, **known)


def page(*entries: ManifestEntry, minute: float = 0, scope: str = "sale", number: int = 1, **facts: Any) -> ManifestPage:
    known: dict[str, Any] = {
        "stated_total": len(entries),
        "page": number,
        "next_page": None,
        "cards": len(entries),
        "portal": PORTAL,
        "scope": scope,
        "url": f"{SITE}/en/properties/{scope}?page={number}",
        "observed_at": at(minute),
    }
    return ManifestPage(entries=entries, **(known | facts))


def item(property_id: str | int = 1, *offers: Offer, minute: float = 0, **facts: Any) -> PropertyItem:
    """As the pipelines hand it on, with its hash."""
    name = listing(property_id) if isinstance(property_id, int) else property_id
    known: dict[str, Any] = {
        "source_url": url_of(name),
        "title": "A house",
        "description": "Bright rooms that look onto the garden",
        "language": "en",
        "property_type": PropertyType.HOUSE,
        "offers": offers or (offer(),),
        "city": "Valle Hermoso",
        "latitude": 20.5,
        "longitude": -103.25,
        "bedrooms": 3,
        "total_area_m2": Decimal(100),
        "image_urls": ("https://images.example.com/1.jpg", "https://images.example.com/2.jpg"),
        "portal": PORTAL,
        "observed_at": at(minute),
    }
    known |= facts
    if known["offers"] is None:
        known["offers"] = ()
    built = PropertyItem(property_id=name, **known)
    return attrs.evolve(built, content_hash=content_hash(built))


def new_session(engine: Engine, spider: str = "manifest") -> SessionRef:
    with engine.begin() as connection:
        return runs.open_session(
            connection,
            portal=PORTAL,
            spider=spider,
            arguments={},
            base_url=SITE,
            parser_version="0123456789ab",
        )


def rows(engine: Engine | Connection, query: str, **parameters: Any) -> list[dict[str, Any]]:
    """One mapping a row."""
    if isinstance(engine, Connection):
        return [dict(row) for row in engine.execute(sa.text(query), parameters).mappings()]
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.text(query), parameters).mappings()]


def one(engine: Engine | Connection, query: str, **parameters: Any) -> dict[str, Any]:
    (row,) = rows(engine, query, **parameters)
    return row


def column(engine: Engine | Connection, query: str, **parameters: Any) -> list[Any]:
    return [value for row in rows(engine, query, **parameters) for value in row.values()]


def scalar(engine: Engine | Connection, query: str, **parameters: Any) -> Any:
    (value,) = column(engine, query, **parameters)
    return value


def run(engine: Engine, command: str, **parameters: Any) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text(command), parameters)


def ids(entries: Sequence[ManifestEntry | PropertyItem]) -> list[str]:
    return [one.property_id for one in entries]
