"""Offers as they are known, and what decisions make of them. The caller holds the listings' locks and commits."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, select

from propspider.db.models import Base
from propspider.items import Offer
from propspider.sync import statement
from propspider.sync.prices import Action, Decision, KnownOffer, OfferKey, Source

_OFFERS = Base.metadata.tables["property_offers"]


@dataclass(frozen=True)
class OfferChange:
    """A decision about one listing's offer."""

    property_id: str
    decision: Decision


def known_offers(connection: Connection, property_ids: Sequence[str]) -> dict[str, dict[OfferKey, KnownOffer]]:
    found: dict[str, dict[OfferKey, KnownOffer]] = defaultdict(dict)
    for row in connection.execute(select(_OFFERS).where(_OFFERS.c.property_id.in_(property_ids))):
        known = _known(row)
        found[row.property_id][known.offer.operation, known.offer.unit] = known
    return found


def _known(row: Row[tuple[object, ...]]) -> KnownOffer:
    held = None
    if row.held_reason is not None:
        held = Offer(row.operation, row.held_kind, row.held_amount, row.held_currency, row.unit, row.held_amount_max)
    return KnownOffer(
        offer=Offer(row.operation, row.kind, row.amount, row.currency, row.unit, row.amount_max),
        observed_at=row.observed_at,
        held=held,
        missing_since=row.missing_since,
        missing_source=row.missing_source,
        is_withdrawn=row.is_withdrawn,
    )


def apply(connection: Connection, changes: Iterable[OfferChange], *, source: Source) -> None:
    """At most one change an offer."""
    by_action: dict[Action, list[OfferChange]] = defaultdict(list)
    for change in changes:
        by_action[change.decision.action].append(change)
    for action, chosen in sorted(by_action.items()):
        connection.execute(statement(f"offers_{action.value}"), {"source": source, **_columns(chosen)})


def _columns(changes: Sequence[OfferChange]) -> dict[str, list[object]]:
    offers = [change.decision.new or change.decision.old for change in changes]
    return {
        "property_ids": [change.property_id for change in changes],
        "operations": [change.decision.key[0].value for change in changes],
        "units": [change.decision.key[1].value for change in changes],
        "observed": [change.decision.observed_at for change in changes],
        "kinds": [offer.kind.value if offer else None for offer in offers],
        "amounts": [offer.amount if offer else None for offer in offers],
        "amount_maxes": [offer.amount_max if offer else None for offer in offers],
        "currencies": [offer.currency if offer else None for offer in offers],
        "reasons": [change.decision.hold.value if change.decision.hold else None for change in changes],
    }


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
