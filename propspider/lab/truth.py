"""What really happened on a simulated portal, for whoever scores a database by it. Never written where the product reads."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from attrs import frozen

from propspider.items import Offer, Operation


class Kind(StrEnum):
    NEW = "new"
    REMOVED = "removed"
    """From all pages; its own is 404, leads to a search, or says that it is sold or withdrawn."""
    RELISTED = "relisted"
    """A removed one is shown again under its id."""
    REPRICED = "repriced"
    """One offer has another amount."""
    EDITED = "edited"
    """Another text, the same offers."""
    RENAMED = "renamed"
    """Another URL, the same id."""
    BUMPED = "bumped"
    """To the top of the newest first pages, unchanged."""
    OFFER_GONE = "offer_gone"
    """One of two offers."""


@frozen(kw_only=True)
class Event:
    """`at` is aware UTC; `operation`, `old` and `new` (amounts) are set for prices and offers only, `new` None for one gone."""

    at: datetime
    kind: Kind
    public_id: str
    operation: Operation | None = None
    old: Decimal | None = None
    new: Decimal | None = None


@frozen(kw_only=True)
class Fact:
    """A listing at one moment, as its own page shows it in English. `home` is the same for all listings of one property."""

    public_id: str
    home: int
    is_shown: bool
    slug: str
    offers: tuple[Offer, ...]
    title: str
    description: str
    published_at: datetime


class Truth(Protocol):
    """Moments are aware UTC."""

    def events(self, since: datetime, until: datetime) -> Sequence[Event]:
        """Those with since <= at < until, in the order of time."""

    def facts(self, at: datetime) -> Mapping[str, Fact]:
        """By public id, of every listing that was ever shown until then."""
