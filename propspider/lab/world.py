"""The truth behind the simulated portal: a seeded set of listings that evolves by the day."""

from collections.abc import Collection
from datetime import datetime, timedelta, timezone
from functools import cached_property
from random import Random
from typing import NamedTuple

from attrs import evolve, field, frozen

from propspider.items import Operation
from propspider.lab.listing import IN_DOLLARS, ON_REQUEST, Listing, Standing, invent, random_source, repriced, revised

__all__ = ["EPOCH", "Listing", "Standing", "World"]

EPOCH = datetime(2026, 1, 15, 6, 0, tzinfo=timezone(timedelta(hours=-6)))
"""The world's clock on day 0."""
HISTORY = timedelta(days=300)

# 290 : 176 : 44 : 30 of the default 540. With 24 cards a page and a cap of 10 pages the first 240 of sale can be walked and
# all of the others: at least 490 listings are within reach, 50 are not.
SHARES = {Operation.SALE: 290, Operation.RENT: 176, Operation.FORECLOSURE: 44, Operation.NEW_CONSTRUCTION: 30}
DEFAULT_LISTINGS = 540
ALSO_FOR_RENT_EVERY = 40

DAILY_PRICE_CHANGES = 0.02
DAILY_REVISIONS = 0.01
DAILY_ARRIVALS = 0.01
DAILY_DEPARTURES = 0.01


@frozen(slots=False)
class World:
    """`listings` are newest first, those sold or withdrawn among them. Day N is a pure function of the seed, the first number
    of listings, the shares of prices and N. Ids are public ids; an unknown one is a KeyError.
    """

    seed: int
    day: int
    listings: tuple[Listing, ...] = field(repr=False)

    @classmethod
    def create(
        cls,
        listings: int = DEFAULT_LISTINGS,
        seed: int = 7,
        day: int = 0,
        *,
        without_price: float = ON_REQUEST,
        in_dollars: float = IN_DOLLARS,
    ) -> "World":
        """`without_price` is the share of listings with their price on request, `in_dollars` that of the others priced in US$;
        neither concerns listings with two offers, whose second is always in US$, nor, the latter, prices per m².
        """
        if listings < 1 or day < 0:
            raise ValueError("a world has at least one listing and no day before day 0")
        prices = _Prices(without_price, in_dollars)
        slugs: set[str] = set()
        alive = {listing.number: listing for listing in _first_listings(listings, seed, slugs, prices)}
        born = listings
        for passed in range(1, day + 1):
            born = _pass_day(alive, slugs, seed=seed, day=passed, born=born, prices=prices)
        return cls(seed, day, tuple(alive[number] for number in sorted(alive, reverse=True)))

    @property
    def now(self) -> datetime:
        return EPOCH + timedelta(days=self.day)

    @cached_property
    def by_slug(self) -> dict[str, Listing]:
        return {listing.slug: listing for listing in self.listings}

    @cached_property
    def by_id(self) -> dict[str, Listing]:
        return {listing.public_id: listing for listing in self.listings}

    @cached_property
    def shown(self) -> tuple[Listing, ...]:
        """Those on listing pages and in the sitemap: neither sold nor withdrawn."""
        return tuple(listing for listing in self.listings if listing.standing is Standing.SHOWN)

    @cached_property
    def by_operation(self) -> dict[Operation, tuple[Listing, ...]]:
        """Those shown; a listing with two offers stands under both of its operations."""
        return {operation: tuple(item for item in self.shown if operation in item.operations) for operation in SHARES}

    def without(self, ids: Collection[str]) -> "World":
        """Their pages are 404 and nothing links to them."""
        gone = {self.by_id[one].number for one in ids}
        return evolve(self, listings=tuple(listing for listing in self.listings if listing.number not in gone))

    def with_(self, *listings: Listing) -> "World":
        """Put in the place of those with their ids, or added by their numbers."""
        numbered = {listing.number: listing for listing in (*self.listings, *listings)}
        changed = evolve(self, listings=tuple(numbered[number] for number in sorted(numbered, reverse=True)))
        if len(changed.by_id) != len(numbered) or len(changed.by_slug) != len(numbered):
            raise ValueError("two listings of a world have one id or one slug")
        return changed

    def renamed(self, public_id: str, slug: str) -> "World":
        """The listing's page moved: its old address is 404."""
        return self.with_(evolve(self.by_id[public_id], slug=slug))

    def without_offer(self, public_id: str, operation: Operation) -> "World":
        """Raises ValueError where nothing would be left."""
        listing = self.by_id[public_id]
        offers = tuple(offer for offer in listing.offers if offer.operation is not operation)
        if not offers or offers == listing.offers:
            raise ValueError(f"{public_id} has no offer of {operation} beside another")
        return self.with_(evolve(listing, offers=offers))

    def marked(self, public_id: str, standing: Standing) -> "World":
        return self.with_(evolve(self.by_id[public_id], standing=standing))


class _Prices(NamedTuple):
    """Shares of 1."""

    without_price: float
    in_dollars: float


def _first_listings(count: int, seed: int, slugs: set[str], prices: _Prices) -> list[Listing]:
    step = HISTORY / count
    deals = _spread(count)
    random_source(seed, "deals").shuffle(deals)
    listings, for_sale = [], 0
    for number, operation in enumerate(deals):
        also_for_rent = operation is Operation.SALE and for_sale % ALSO_FOR_RENT_EVERY == 0
        for_sale += operation is Operation.SALE
        source = random_source(seed, "listing", number)
        published = EPOCH - step * (count - number) + step * source.random() * 0.9
        listings.append(
            _invent(source, slugs, number, operation, also_for_rent=also_for_rent, published=published, prices=prices)
        )
    return listings


def _spread(count: int) -> list[Operation]:
    """`count` operations in the proportion of SHARES, by largest remainder."""
    total = sum(SHARES.values())
    exact = {operation: count * share / total for operation, share in SHARES.items()}
    whole = {operation: int(part) for operation, part in exact.items()}
    by_remainder = sorted(exact, key=lambda operation: whole[operation] - exact[operation])
    for operation in by_remainder[: count - sum(whole.values())]:
        whole[operation] += 1
    return [operation for operation, times in whole.items() for _ in range(times)]


def _pass_day(alive: dict[int, Listing], slugs: set[str], *, seed: int, day: int, born: int, prices: _Prices) -> int:
    """Moves `alive` one day on; returns how many listings were ever born."""
    source = random_source(seed, "day", day)
    size = len(alive)
    for number in source.sample(sorted(alive), _share(size, DAILY_DEPARTURES)):
        del alive[number]
    priced = sorted(number for number, listing in alive.items() if any(offer.amount is not None for offer in listing.offers))
    for number in source.sample(priced, min(_share(size, DAILY_PRICE_CHANGES), len(priced))):
        alive[number] = repriced(source, alive[number])
    for number in source.sample(sorted(alive), min(_share(size, DAILY_REVISIONS), len(alive))):
        alive[number] = revised(source, alive[number], day=day)
    arrivals = _share(size, DAILY_ARRIVALS)
    for index in range(arrivals):
        operation = source.choices(list(SHARES), list(SHARES.values()))[0]
        also_for_rent = operation is Operation.SALE and source.random() < 1 / ALSO_FOR_RENT_EVERY
        published = EPOCH + timedelta(days=day - 1) + timedelta(days=1) * (index + source.random()) / (arrivals + 1)
        alive[born] = _invent(
            random_source(seed, "listing", born),
            slugs,
            born,
            operation,
            also_for_rent=also_for_rent,
            published=published,
            prices=prices,
        )
        born += 1
    return born


def _share(size: int, part: float) -> int:
    return max(1, round(size * part))


def _invent(
    source: Random,
    slugs: set[str],
    number: int,
    operation: Operation,
    *,
    also_for_rent: bool,
    published: datetime,
    prices: _Prices,
) -> Listing:
    listing = invent(
        source=source,
        number=number,
        operation=operation,
        also_for_rent=also_for_rent,
        published_at=published.replace(microsecond=0),
        without_price=prices.without_price,
        in_dollars=prices.in_dollars,
    )
    slug = listing.slug if listing.slug not in slugs else f"{listing.slug}-{number}"
    slugs.add(slug)
    return evolve(listing, slug=slug)
