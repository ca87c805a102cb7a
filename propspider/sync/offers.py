"""Offers as they are known, and what decisions make of them. The caller holds the listings' locks and commits."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Row

from propspider.items import Offer
from propspider.sync import statement
from propspider.sync.prices import Action, Decision, KnownOffer, OfferKey, Source


@dataclass(frozen=True)
class OfferChange:
    """A decision about one listing's offer."""

    property_id: str
    decision: Decision


def undecided(connection: Connection, stated: Mapping[str, Collection[Offer]]) -> dict[str, dict[OfferKey, KnownOffer]]:
    """Listing → its known offers. Listings whose known offers are just the stated ones, with nothing held or missed, are left
    out: `prices.decide` has nothing to say of them. They are nearly all, so nothing is built for them.
    """
    found: dict[str, list[Row[*tuple[Any, ...]]]] = {property_id: [] for property_id in stated}
    for row in connection.execute(statement("offers_known"), {"property_ids": list(stated)}).all():
        found[row[0]].append(row)
    return {
        property_id: {(known.offer.operation, known.offer.unit): known for known in map(_known, rows)}
        for property_id, rows in found.items()
        if not _agree(rows, stated[property_id])
    }


def _agree(rows: Sequence[Row[*tuple[Any, ...]]], stated: Collection[Offer]) -> bool:
    if len(rows) != len(stated):
        return False
    if len(rows) > 1:
        rows, stated = sorted(rows, key=lambda row: row[1:3]), sorted(stated, key=attrgetter("operation", "unit"))
    return all(
        row.is_settled and row[1:7] == (offer.operation, offer.unit, offer.kind, offer.amount, offer.currency, offer.amount_max)
        for row, offer in zip(rows, stated, strict=True)
    )


def _known(row: Row[*tuple[Any, ...]]) -> KnownOffer:
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
