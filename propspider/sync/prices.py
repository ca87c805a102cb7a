"""What a page's offers mean for the known ones: write, hold, confirm, miss. Pure; the thresholds are here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from propspider.items import Offer, Operation, PriceUnit

OfferKey = tuple[Operation, PriceUnit]
Source = Literal["manifest", "detail", "review", "sweep"]

RELATIVE_THRESHOLD = Decimal("0.01")
ABSOLUTE_THRESHOLD = {"USD": Decimal(1000), "EUR": Decimal(1000), "MXN": Decimal(20000), "DKK": Decimal(7000)}
"""The seed's 1,000 dollars, per currency; a currency without one has the relative threshold alone."""

LARGEST_MOVE = Decimal("0.5")
PAGE_GATE_ENTRIES = 3
PAGE_GATE_SHARE = 0.2
MISSING_FOR = timedelta(hours=24)


class Hold(StrEnum):
    """Why the row gate keeps a value from live until somebody looks."""

    PRICE_MOVE = "price_move"
    CURRENCY = "currency"


class Action(StrEnum):
    WRITE = "write"
    HOLD = "hold"
    CONFIRM = "confirm"
    """Seen as known: what was held against it, or missed, was a glitch."""
    MISS = "miss"
    WITHDRAW = "withdraw"


@dataclass(frozen=True)
class KnownOffer:
    """`held` is the value that waits for a review, or that a review has rejected."""

    offer: Offer
    observed_at: datetime
    held: Offer | None = None
    missing_since: datetime | None = None
    missing_source: str | None = None
    is_withdrawn: bool = False

    @property
    def is_unsettled(self) -> bool:
        """The next look at it may decide something even if the page is the same."""
        return self.held is not None or (self.missing_since is not None and not self.is_withdrawn)


@dataclass(frozen=True)
class Decision:
    """`old` is None for an offer that was not known; `new` is None for one that the page does not have."""

    action: Action
    old: Offer | None
    new: Offer | None
    observed_at: datetime
    hold: Hold | None = None

    @property
    def key(self) -> OfferKey:
        offer = self.new or self.old
        assert offer is not None  # noqa: S101 - a decision is about an offer
        return offer.operation, offer.unit

    @property
    def reaches_live(self) -> bool:
        return self.action in {Action.WRITE, Action.WITHDRAW}


Stated = Mapping[OfferKey, tuple[Offer, datetime]]
"""Offers as pages state them, each with when the newest page that states it was fetched."""


def stated(offers: Iterable[Offer], observed_at: datetime) -> dict[OfferKey, tuple[Offer, datetime]]:
    return {(offer.operation, offer.unit): (offer, observed_at) for offer in offers}


def decide(known: Mapping[OfferKey, KnownOffer], stated: Stated, *, newest: datetime | None, source: Source) -> list[Decision]:
    """`newest`: when these offers were last looked at by anybody; an older observation decides nothing.

    A page without any offer says nothing of those that are known.
    """
    times = [observed_at for _, observed_at in stated.values() if newest is None or observed_at >= newest]
    if not times:
        return []
    decisions = [
        _of_stated(known.get(key), offer, observed_at)
        for key, (offer, observed_at) in stated.items()
        if newest is None or observed_at >= newest
    ]
    decisions += [_of_absent(held, max(times), source) for key, held in known.items() if key not in stated]
    return [decision for decision in decisions if decision is not None]


def _of_stated(known: KnownOffer | None, offer: Offer, observed_at: datetime) -> Decision | None:
    if known is None:
        return Decision(Action.WRITE, None, offer, observed_at)
    if observed_at < known.observed_at:
        return None
    if known.offer == offer:
        if known.is_withdrawn:
            return Decision(Action.WRITE, known.offer, offer, observed_at)
        return Decision(Action.CONFIRM, known.offer, offer, observed_at) if known.held or known.missing_since else None
    hold = row_gate(known.offer, offer)
    if hold is None:
        return Decision(Action.WRITE, known.offer, offer, observed_at)
    return None if known.held == offer else Decision(Action.HOLD, known.offer, offer, observed_at, hold)


def _of_absent(known: KnownOffer, observed_at: datetime, source: Source) -> Decision | None:
    """Only a detail page, which has all of a listing's offers, begins a miss; a later page of either kind ends it."""
    if known.is_withdrawn or observed_at < known.observed_at:
        return None
    if source == "manifest" and known.missing_source == "sweep":
        # Cards are what the sweep missed it on: the listing's own page decides.
        return None
    if known.missing_since is None:
        return Decision(Action.MISS, known.offer, None, observed_at) if source == "detail" else None
    again = observed_at - known.missing_since >= MISSING_FOR or source != known.missing_source
    return Decision(Action.WITHDRAW, known.offer, None, observed_at) if again and observed_at > known.missing_since else None


def row_gate(old: Offer, new: Offer) -> Hold | None:
    """A currency change, or a move of more than half of an amount, is a person's to judge; going "on request" is not."""
    if old.currency is not None and new.currency is not None and old.currency != new.currency:
        return Hold.CURRENCY
    pairs = ((old.amount, new.amount), (old.amount_max, new.amount_max))
    moved = any(a is not None and b is not None and abs(b - a) > a * LARGEST_MOVE for a, b in pairs)
    return Hold.PRICE_MOVE if moved else None


def page_gate(*, known_entries: int, held_entries: int) -> bool:
    """True when so many of a page's known listings trip the row gate that the page, not the market, is the likelier cause."""
    return held_entries >= PAGE_GATE_ENTRIES and held_entries > known_entries * PAGE_GATE_SHARE


def is_worth_a_request(decision: Decision) -> bool:
    """The seed's rule: a move of more than 1 % or of an absolute amount, whichever is smaller; any change of kind or currency."""
    if decision.action not in {Action.WRITE, Action.HOLD}:
        return decision.action is Action.WITHDRAW
    old, new = decision.old, decision.new
    if old is None or new is None or (old.kind, old.currency) != (new.kind, new.currency):
        return True
    moves = [
        abs(b - a) for a, b in ((old.amount, new.amount), (old.amount_max, new.amount_max)) if a is not None and b is not None
    ]
    if not moves or old.amount is None:
        return False
    threshold = old.amount * RELATIVE_THRESHOLD
    if new.currency in ABSOLUTE_THRESHOLD:
        threshold = min(threshold, ABSOLUTE_THRESHOLD[new.currency])
    return max(moves) > threshold
