"""Values that the row gate keeps from live until somebody looks. The caller commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy import Connection

from propspider.db.models import Base
from propspider.fields.listing_id import portal_of
from propspider.items import Offer, Operation
from propspider.sync import statement
from propspider.sync.live_prices import write_live_prices
from propspider.sync.locks import lock_listings

ACCEPT_REASON = "review accepted"

_OFFERS = Base.metadata.tables["property_offers"]
_LIVE = Base.metadata.tables["properties_live"]


@dataclass(frozen=True)
class HeldValue:
    """`known` is what live shows, `held` what a page of `observed_at` said instead."""

    property_id: str
    title: str | None
    source_url: str | None
    known: Offer
    held: Offer
    reason: str
    observed_at: datetime
    source: str

    @property
    def move(self) -> Decimal | None:
        """Held over known, as a share; None across currencies or without amounts."""
        if not self.known.amount or self.held.amount is None or self.known.currency != self.held.currency:
            return None
        return self.held.amount / self.known.amount - 1


def held_values(
    connection: Connection, *, portal: str | None = None, property_id: str | None = None, limit: int = 50
) -> list[HeldValue]:
    """Oldest first; rejected ones are not among them."""
    query = (
        sa.select(_OFFERS, _LIVE.c.title, _LIVE.c.source_url)
        .select_from(_OFFERS.outerjoin(_LIVE, _LIVE.c.property_id == _OFFERS.c.property_id))
        .where(_OFFERS.c.held_reason.is_not(None), sa.not_(_OFFERS.c.held_rejected))
        .order_by(_OFFERS.c.held_observed_at, _OFFERS.c.property_id)
        .limit(limit)
    )
    if portal is not None:
        query = query.where(_OFFERS.c.property_id.startswith(f"{portal}:", autoescape=True))
    if property_id is not None:
        query = query.where(_OFFERS.c.property_id == property_id)
    return [
        HeldValue(
            property_id=row.property_id,
            title=row.title,
            source_url=row.source_url,
            known=Offer(row.operation, row.kind, row.amount, row.currency, row.unit, row.amount_max),
            held=Offer(row.operation, row.held_kind, row.held_amount, row.held_currency, row.unit, row.held_amount_max),
            reason=row.held_reason,
            observed_at=row.held_observed_at,
            source=row.held_source,
        )
        for row in connection.execute(query)
    ]


def accept(connection: Connection, property_ids: Sequence[str], *, operation: Operation | None = None) -> list[str]:
    """What is held becomes what is known, observed when its page was fetched. Ids of the listings that had something held."""
    return _settle(connection, property_ids, operation, "offers_accept")


def reject(connection: Connection, property_ids: Sequence[str], *, operation: Operation | None = None) -> list[str]:
    """The known value stands, and the same value is not held again; another one is."""
    return _settle(connection, property_ids, operation, "offers_reject")


def _settle(connection: Connection, property_ids: Sequence[str], operation: Operation | None, name: str) -> list[str]:
    for portal in sorted({portal_of(property_id) for property_id in property_ids}):
        lock_listings(connection, portal, [property_id for property_id in property_ids if portal_of(property_id) == portal])
    parameters = {"property_ids": list(property_ids), "operation": operation.value if operation else None}
    settled = connection.execute(statement(name), parameters).all()
    if name == "offers_accept":
        for row in settled:
            write_live_prices(connection, [row.property_id], session_id=None, observed_at=row.observed_at, reason=ACCEPT_REASON)
    return sorted({row.property_id for row in settled})
