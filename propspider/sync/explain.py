"""Everything that is known of one listing, and from where. Read only; functions take a connection."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from propspider.db.models import PropertyChange, PropertyLive, PropertyManifest, PropertyOffer, ScrapeQueue, ScrapingError
from propspider.fields.listing_id import portal_of
from propspider.sync import statement
from propspider.sync.aliases import Alias, aliases
from propspider.sync.case_files import CaseFile, Evidence, case_files, evidence_of

R = TypeVar("R", "OfferRow", "QueueRow", "Change", "ErrorRow")

MAIN_COLUMNS = (
    "title",
    "property_type",
    "listing_status",
    "operation_type",
    "price",
    "currency",
    "price_per_m2",
    "bedrooms",
    "bathrooms",
    "total_area_m2",
    "covered_area_m2",
    "lot_size_m2",
    "neighborhood",
    "city",
    "state",
    "latitude",
    "longitude",
    "agency_name",
    "data_completeness_score",
    "verification_status",
    "parser_version",
    "first_seen_at",
    "scraped_at",
    "last_updated_at",
    "source_url",
)
"""Of the live row; the description and the agent's own data are left to `properties_live`."""


@dataclass(frozen=True)
class SeenOn:
    """`place`: its position on the page, from 1."""

    scope: str
    page: int
    observed_at: datetime
    sweep: int
    verdict: str | None
    place: int
    url: str


@dataclass(frozen=True)
class Sighting:
    """`missed`: complete sweeps of the scope since."""

    scope: str
    page_number: int
    last_seen_at: datetime
    last_priced_at: datetime | None
    last_sweep: int
    missed: int


@dataclass(frozen=True)
class OfferRow:
    operation: str
    unit: str
    kind: str
    amount: Decimal | None
    amount_max: Decimal | None
    currency: str | None
    observed_at: datetime
    source: str


@dataclass(frozen=True)
class QueueRow:
    id: int
    kind: str
    status: str
    queue_reason: str
    priority: int
    queued_at: datetime
    not_before: datetime | None
    claimed_by: str | None
    completed_at: datetime | None
    attempt_count: int
    claims: int
    last_error: str | None


@dataclass(frozen=True)
class Change:
    """`old_value` and `new_value` are JSON; a `created` row holds the whole first row as its new value."""

    observed_at: datetime
    change_type: str
    field_name: str | None
    old_value: Any
    new_value: Any
    change_reason: str
    confidence_score: Decimal | None


@dataclass(frozen=True)
class ErrorRow:
    created_at: datetime
    error_type: str
    message: str
    http_status: int | None
    url: str | None


@dataclass(frozen=True)
class Explanation:
    """`card`, `live` and `freshness` are None where there is no such row. `changes_total` counts those beyond the limit too."""

    property_id: str
    card: Mapping[str, Any] | None
    live: Mapping[str, Any] | None
    freshness: Mapping[str, Any] | None
    offers: list[OfferRow]
    sightings: list[Sighting]
    seen_on: list[SeenOn]
    cases: list[CaseFile]
    evidence: list[Evidence]
    aliases: list[Alias]
    queue: list[QueueRow]
    changes: list[Change]
    changes_total: int
    errors: list[ErrorRow]


def explain(connection: Connection, property_id: str, *, changes: int | None = 20) -> Explanation | None:
    """None for a listing that nobody has seen. `changes`: how many of the newest, None = all."""
    card = _row(
        connection.execute(sa.select(PropertyManifest.__table__).where(PropertyManifest.property_id == property_id)).first()
    )
    live_columns = [PropertyLive.__table__.c[name] for name in MAIN_COLUMNS]
    live = _row(connection.execute(sa.select(*live_columns).where(PropertyLive.property_id == property_id)).first())
    if card is None and live is None:
        return None
    one: dict[str, Any] = {"property_id": property_id}
    freshness = sa.text("SELECT * FROM property_freshness WHERE property_id = :property_id")
    placed = {**one, "portal": portal_of(property_id)}
    total = sa.select(sa.func.count()).where(PropertyChange.property_id == property_id)
    return Explanation(
        property_id=property_id,
        card=card,
        live=live,
        freshness=_row(connection.execute(freshness, one).first()),
        offers=_rows(connection, OfferRow, PropertyOffer, property_id, "operation", "unit"),
        sightings=[Sighting(**row) for row in connection.execute(statement("explain_sightings"), one).mappings()],
        seen_on=[SeenOn(**row) for row in connection.execute(statement("explain_pages"), placed).mappings()],
        cases=case_files(connection, property_id=property_id),
        evidence=evidence_of(connection, property_id),
        aliases=aliases(connection, property_id=property_id),
        queue=_rows(connection, QueueRow, ScrapeQueue, property_id, "-id"),
        changes=_rows(connection, Change, PropertyChange, property_id, "-id", limit=changes),
        changes_total=connection.execute(total).scalar_one(),
        errors=_rows(connection, ErrorRow, ScrapingError, property_id, "-id"),
    )


def nearest_ids(connection: Connection, wanted: str) -> list[str]:
    """At most three ids that may have been meant."""
    portal, _, key = wanted.partition(":")
    return list(connection.execute(statement("listing_nearest"), {"wanted": wanted, "key": key, "portal": portal}).scalars())


def _row(row: Row[Any] | None) -> dict[str, Any] | None:
    return dict(row._mapping) if row is not None else None


def _rows(
    connection: Connection, shape: type[R], model: type[Any], property_id: str, *order: str, limit: int | None = None
) -> list[R]:
    """The columns that `shape` names, in `order` (a minus sign: descending)."""
    columns = model.__table__.c
    chosen = sa.select(*(columns[field.name] for field in fields(shape)))
    ordering = [columns[name[1:]].desc() if name.startswith("-") else columns[name] for name in order]
    found = connection.execute(chosen.where(columns.property_id == property_id).order_by(*ordering).limit(limit))
    return [shape(*row) for row in found]
