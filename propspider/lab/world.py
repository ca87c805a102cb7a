"""The truth behind the simulated portal: a seeded set of listings that evolves by the day."""

from datetime import datetime, timedelta, timezone
from functools import cached_property
from random import Random

from attrs import evolve, field, frozen

from propspider.items import Operation
from propspider.lab.listing import Listing, invent, random_source, repriced, revised

__all__ = ["EPOCH", "Listing", "World"]

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
    """`listings` are newest first. Day N is a pure function of the seed, the first number of listings and N."""

    seed: int
    day: int
    listings: tuple[Listing, ...] = field(repr=False)

    @classmethod
    def create(cls, listings: int = DEFAULT_LISTINGS, seed: int = 7, day: int = 0) -> "World":
        if listings < 1 or day < 0:
            raise ValueError("a world has at least one listing and no day before day 0")
        slugs: set[str] = set()
        alive = {listing.number: listing for listing in _first_listings(listings, seed, slugs)}
        born = listings
        for passed in range(1, day + 1):
            born = _pass_day(alive, slugs, seed=seed, day=passed, born=born)
        return cls(seed, day, tuple(alive[number] for number in sorted(alive, reverse=True)))

    @property
    def now(self) -> datetime:
        return EPOCH + timedelta(days=self.day)

    @cached_property
    def by_slug(self) -> dict[str, Listing]:
        return {listing.slug: listing for listing in self.listings}

    @cached_property
    def by_operation(self) -> dict[Operation, tuple[Listing, ...]]:
        """A listing with two offers stands under both of its operations."""
        return {operation: tuple(item for item in self.listings if operation in item.operations) for operation in SHARES}


def _first_listings(count: int, seed: int, slugs: set[str]) -> list[Listing]:
    step = HISTORY / count
    deals = _spread(count)
    random_source(seed, "deals").shuffle(deals)
    listings, for_sale = [], 0
    for number, operation in enumerate(deals):
        also_for_rent = operation is Operation.SALE and for_sale % ALSO_FOR_RENT_EVERY == 0
        for_sale += operation is Operation.SALE
        source = random_source(seed, "listing", number)
        published = EPOCH - step * (count - number) + step * source.random() * 0.9
        listings.append(_invent(source, slugs, number, operation, also_for_rent=also_for_rent, published=published))
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


def _pass_day(alive: dict[int, Listing], slugs: set[str], *, seed: int, day: int, born: int) -> int:
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
            random_source(seed, "listing", born), slugs, born, operation, also_for_rent=also_for_rent, published=published
        )
        born += 1
    return born


def _share(size: int, part: float) -> int:
    return max(1, round(size * part))


def _invent(
    source: Random, slugs: set[str], number: int, operation: Operation, *, also_for_rent: bool, published: datetime
) -> Listing:
    published_at = published.replace(microsecond=0)
    listing = invent(source=source, number=number, operation=operation, also_for_rent=also_for_rent, published_at=published_at)
    slug = listing.slug if listing.slug not in slugs else f"{listing.slug}-{number}"
    slugs.add(slug)
    return evolve(listing, slug=slug)
