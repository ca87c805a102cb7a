"""Writes offers, and what live says of them. The caller holds the listings' locks and commits."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from propspider.db.models import PropertyOffer
from propspider.items import Offer
from propspider.sync import statement
from propspider.sync.prices import KnownOffer, OfferKey


def known_offers(connection: Connection, property_ids: Sequence[str]) -> dict[str, dict[OfferKey, KnownOffer]]:
    found: dict[str, dict[OfferKey, KnownOffer]] = defaultdict(dict)
    table = PropertyOffer.__table__
    for row in connection.execute(select(table).where(table.c.property_id.in_(property_ids))):
        offer = Offer(row.operation, row.kind, row.amount, row.currency, row.unit, row.amount_max)
        found[row.property_id][offer.operation, offer.unit] = KnownOffer(offer, row.observed_at)
    return found


def write_offers(connection: Connection, changes: Iterable[tuple[str, Offer, datetime]], *, source: str) -> None:
    """(property_id, offer as `changed_offers` returns it, observed_at); at most one a key."""
    rows = list(changes)
    if not rows:
        return
    connection.execute(
        statement("offers_upsert"),
        {
            "source": source,
            "property_ids": [property_id for property_id, _, _ in rows],
            "operations": [offer.operation.value for _, offer, _ in rows],
            "units": [offer.unit.value for _, offer, _ in rows],
            "kinds": [offer.kind.value for _, offer, _ in rows],
            "amounts": [offer.amount for _, offer, _ in rows],
            "amount_maxes": [offer.amount_max for _, offer, _ in rows],
            "currencies": [offer.currency for _, offer, _ in rows],
            "observed": [observed_at for _, _, observed_at in rows],
        },
    )


def offers_json(offers: Iterable[Offer]) -> list[dict[str, object]]:
    """As staging keeps them: amounts as text, exact."""
    return [
        {
            "operation": offer.operation.value,
            "kind": offer.kind.value,
            "amount": None if offer.amount is None else str(offer.amount),
            "amount_max": None if offer.amount_max is None else str(offer.amount_max),
            "currency": offer.currency,
            "unit": offer.unit.value,
        }
        for offer in offers
    ]
