"""When an offer differs, and when the difference is worth a request. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

import attrs

from propspider.items import Offer, Operation, PriceUnit

OfferKey = tuple[Operation, PriceUnit]

RELATIVE_THRESHOLD = Decimal("0.01")
ABSOLUTE_THRESHOLD = {"USD": Decimal(1000), "EUR": Decimal(1000), "MXN": Decimal(20000), "DKK": Decimal(7000)}
"""The seed's 1,000 dollars, per currency; a currency without one has the relative threshold alone."""


@dataclass(frozen=True)
class KnownOffer:
    offer: Offer
    observed_at: datetime


def changed_offers(
    known: Mapping[OfferKey, KnownOffer], offers: Iterable[Offer], *, observed_at: datetime, newest: datetime | None
) -> list[tuple[Offer | None, Offer]]:
    """(old, new) of the offers to write, in whole cents; old is None for a first one. `newest`: when these offers were last
    looked at by anybody; an older observation changes nothing.
    """
    if newest is not None and observed_at < newest:
        return []
    changes: list[tuple[Offer | None, Offer]] = []
    for offer in map(_as_stored, offers):
        old = known.get((offer.operation, offer.unit))
        if old is None:
            changes.append((None, offer))
        elif old.offer != offer and observed_at >= old.observed_at:
            changes.append((old.offer, offer))
    return changes


def _as_stored(offer: Offer) -> Offer:
    """As the columns keep it, so that an amount which comes again is no change."""
    return attrs.evolve(offer, amount=_cents(offer.amount), amount_max=_cents(offer.amount_max))


def _cents(amount: Decimal | None) -> Decimal | None:
    try:
        return None if amount is None else amount.quantize(Decimal("0.01"))
    except InvalidOperation:
        # More digits than any price has: the server refuses it, and the flush isolates what brought it.
        return amount


def is_worth_a_request(old: Offer | None, new: Offer) -> bool:
    """The seed's rule: a move of more than 1 % or of an absolute amount, whichever is smaller; any change of kind or currency."""
    if old is None or (old.kind, old.currency) != (new.kind, new.currency):
        return True
    if old.amount is None or new.amount is None:
        return False
    threshold = old.amount * RELATIVE_THRESHOLD
    if new.currency in ABSOLUTE_THRESHOLD:
        threshold = min(threshold, ABSOLUTE_THRESHOLD[new.currency])
    moves = [abs(new.amount - old.amount)]
    if old.amount_max is not None and new.amount_max is not None:
        moves.append(abs(new.amount_max - old.amount_max))
    return max(moves) > threshold
