"""Who lives on a living portal: agencies, homes, offers and lifetimes, drawn at once for a whole run."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from propspider.items import Operation
from propspider.lab.catalogue import PLACES, TYPES
from propspider.lab.listing import FIRST_INTERNAL_NUMBER, INTERNAL_STEP, PESOS_PER_DOLLAR
from propspider.lab.parameters import BadParameters, Parameters
from propspider.lab.world import SHARES

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Small = NDArray[np.int8]
Flags = NDArray[np.bool_]

DAY = 86_400
SHORTEST_LIFE = 1 / 24
PUBLIC_IDS = 6_760_000
"""Consecutive internal numbers that have different public ids."""
FEWEST_AGENCIES = 10
PROBES = 40_000

OPERATIONS = tuple(SHARES)
KINDS = tuple(TYPES)
SALE, RENT, NEW_CONSTRUCTION = (OPERATIONS.index(one) for one in (Operation.SALE, Operation.RENT, Operation.NEW_CONSTRUCTION))
EXACT, FROM, ON_REQUEST = range(3)
_STEPS = ((100_000_000, 1_000_000), (10_000_000, 100_000), (1_000_000, 10_000), (100_000, 1_000), (0, 50))
"""(from cents on, step in cents): as `listing` rounds prices."""


def stream(seed: int, name: str) -> np.random.Generator:
    """Random numbers of one subject, whatever the others draw."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


@dataclass(frozen=True)
class Agencies:
    """By agency: share of the listings, factor on the rates (mean 1 over listings), factor on the life, expiry, bumps."""

    weight: Floats
    pace: Floats
    stay: Floats
    expires: Flags
    bumps: Flags


@dataclass(frozen=True)
class Population:
    """By number, the stock first, oldest first, then who arrives, in order; times in seconds from the start, lives in days.

    A listing is shown from `born` for `life`, less a pause of `gap` after the first `split` days of it where that is finite.
    `amounts` are cents of its two offers, -1 for none and for a price on request.
    """

    stock: int
    agencies: Agencies
    agency: Numbers
    band: Small
    born: Numbers
    published: Numbers
    age: Floats
    life: Floats
    split: Floats
    gap: Floats
    home: Numbers
    internal: Numbers
    step: int
    kind: Small
    place: Small
    neighborhood: Small
    operation: Small
    exact: Flags
    two: Flags
    price: Small
    per_m2: Flags
    dollars: Flags
    amounts: tuple[Numbers, Numbers]
    hard: Flags
    paid: Flags
    change_norm: float
    """What rates are divided by, so that their mean over the listings shown is the one asked for."""

    def __len__(self) -> int:
        return len(self.born)

    @property
    def priced(self) -> Flags:
        priced: Flags = self.price != ON_REQUEST
        return priced


def populate(parameters: Parameters, *, listings: int, seed: int, days: float) -> Population:
    """Raises BadParameters for lives that cannot have the mean asked for, or more listings than there are ids."""
    agencies = _agencies(parameters, listings, seed)
    lives = _Lives(parameters, agencies, seed)
    came = _arrivals(parameters, listings, seed, days)
    count = listings + len(came)
    if count > PUBLIC_IDS:
        raise BadParameters(f"listings.arrivals: {count:,} listings in all are more than there are public ids")
    agency, band, life, age = lives.draw(listings, len(came))
    relist = stream(seed, "relist")
    gap = relist.uniform(*parameters.relist.gap_days, count)
    split = np.where(relist.random(count) < parameters.relist.share, life * relist.random(count), np.inf)
    split[(split <= age + SHORTEST_LIFE) | (split >= life - SHORTEST_LIFE)] = np.inf
    born = np.concatenate([-np.ceil(age[:listings] * DAY).astype(np.int64), came])
    old = stream(seed, "back-dated")
    early = np.where(
        (np.arange(count) >= listings) & (old.random(count) < parameters.listings.back_dated),
        old.uniform(*parameters.listings.back_dated_days, count) * DAY,
        0,
    )
    homes = stream(seed, "homes")
    home = _homes(homes, parameters.listings.copies, agency, listings)
    kind, place, neighborhood, operation = (column[home] for column in _kinds(homes, count))
    position = np.clip(((band + homes.random(count)) / 3)[home] * homes.uniform(0.96, 1.04, count), 0, 1)
    internal, step = internal_numbers(count, seed)
    two, price, per_m2, dollars, amounts = _offers(parameters, stream(seed, "offers"), kind, operation, position)
    return Population(
        stock=listings,
        agencies=agencies,
        agency=agency,
        band=band,
        born=born,
        published=born - early.astype(np.int64),
        age=age,
        life=life,
        split=split,
        gap=gap,
        home=home,
        internal=internal,
        step=step,
        kind=kind,
        place=place,
        neighborhood=neighborhood,
        operation=operation,
        exact=(homes.random(count) < parameters.listings.exact_location)[home],
        two=two,
        price=price,
        per_m2=per_m2,
        dollars=dollars,
        amounts=amounts,
        hard=stream(seed, "hard").random(count) < parameters.pages.hard,
        paid=stream(seed, "paid").random(count) < parameters.pages.paid,
        change_norm=lives.change_norm,
    )


def internal_numbers(count: int, seed: int) -> tuple[Numbers, int]:
    """Ascending, at steps small enough that their public ids differ; and the step that bounds each listing's."""
    step = max(1, min(INTERNAL_STEP, PUBLIC_IDS // count))
    return FIRST_INTERNAL_NUMBER + np.arange(count) * step + stream(seed, "ids").integers(0, step, count), step


def rounded(cents: NDArray[np.number]) -> Numbers:
    """To a step well below 2 % of the amount."""
    step = np.select([cents >= least for least, _ in _STEPS], [one for _, one in _STEPS])
    found: Numbers = (np.rint(cents / step) * step).astype(np.int64)
    return found


def _agencies(parameters: Parameters, listings: int, seed: int) -> Agencies:
    source, wanted = stream(seed, "agencies"), parameters.agencies
    count = max(FEWEST_AGENCIES, round(listings / wanted.listings_each))
    weight = source.lognormal(0, wanted.spread, count)
    weight /= weight.sum()
    pace = source.lognormal(0, wanted.spread, count)
    return Agencies(
        weight=weight,
        pace=pace / (pace * weight).sum(),
        stay=source.lognormal(0, wanted.life_spread, count),
        expires=source.permutation(count) < round(count * wanted.expiring),
        bumps=source.permutation(count) < round(count * wanted.bumping),
    )


def _arrivals(parameters: Parameters, listings: int, seed: int, days: float) -> Numbers:
    source = stream(seed, "arrivals")
    count = source.poisson(listings * parameters.listings.arrivals * days)
    return np.sort(source.integers(0, max(1, round(days * DAY)), count))


class _Lives:
    """Lifetimes in days: Weibull x agency x price band, cut off where an agency's listings expire; of the mean asked for."""

    def __init__(self, parameters: Parameters, agencies: Agencies, seed: int) -> None:
        self._life, self._agencies, self._seed = parameters.life, agencies, seed
        self._expiry = np.where(agencies.expires, parameters.agencies.expiry_days, np.inf)
        self._scale = 1.0
        agency, band, unit = self._units(stream(seed, "probe"), PROBES, even=True)
        self._scale = self._solved(agency, unit)
        life, changes = self._ended(agency, unit), parameters.changes
        young = np.minimum(life, changes.young_days)
        pace = agencies.pace[agency] * np.array(changes.bands)[band]
        self.change_norm = float((pace * (changes.young * young + changes.old * (life - young))).sum() / life.sum())

    def draw(self, stock: int, arrivals: int) -> tuple[Numbers, Small, Floats, Floats]:
        """Agency, band, life and age at the start: the stock as a stationary process leaves it, oldest first, then arrivals."""
        source = stream(self._seed, "lives")
        pool = self._lives(source, max(4 * stock, PROBES))
        # Who is met on a day is met in proportion to the life, at an age that is uniform over it.
        passed = np.cumsum(pool[2])
        met = np.searchsorted(passed, (np.arange(stock) + source.random()) / stock * passed[-1])
        age = pool[2][met] * source.random(stock)
        oldest_first = np.argsort(-age, kind="stable")
        met, age = met[oldest_first], age[oldest_first]
        coming = self._lives(source, arrivals)
        return (
            np.concatenate([pool[0][met], coming[0]]),
            np.concatenate([pool[1][met], coming[1]]),
            np.concatenate([pool[2][met], coming[2]]),
            np.concatenate([age, np.zeros(arrivals)]),
        )

    def _units(self, source: np.random.Generator, count: int, *, even: bool = False) -> tuple[Numbers, Small, Floats]:
        agency = source.choice(len(self._agencies.weight), count, p=self._agencies.weight)
        band = source.integers(0, 3, count, dtype=np.int8)
        chance = source.permutation((np.arange(count) + 0.5) / count) if even else source.random(count)
        unit = (-np.log1p(-chance)) ** (1 / self._life.shape)
        return agency, band, unit * self._agencies.stay[agency] * np.array(self._life.bands)[band]

    def _lives(self, source: np.random.Generator, count: int) -> tuple[Numbers, Small, Floats]:
        agency, band, unit = self._units(source, count)
        return agency, band, self._ended(agency, unit)

    def _ended(self, agency: Numbers, unit: Floats) -> Floats:
        return np.maximum(np.minimum(unit * self._scale, self._expiry[agency]), SHORTEST_LIFE)

    def _solved(self, agency: Numbers, unit: Floats) -> float:
        low, high = 0.0, 1e6
        for _ in range(60):
            self._scale = (low + high) / 2
            low, high = (low, self._scale) if self._ended(agency, unit).mean() > self._life.mean_days else (self._scale, high)
        if high > 0.99e6:
            raise BadParameters(f"life.mean_days: lives of {self._life.mean_days:g} days are too long for agencies.expiry_days")
        return self._scale


def _homes(source: np.random.Generator, share: float, agency: Numbers, stock: int) -> Numbers:
    """By number, the first listing of the same home: another agency's, an older one's."""
    count = len(agency)
    numbers = np.arange(count)
    is_copy = (source.random(count) < share) & (numbers >= len(KINDS))
    firsts = numbers[~is_copy]
    before = np.searchsorted(firsts, numbers)
    reach = np.minimum(before, max(1, stock // 3))
    chosen = before - 1 - np.floor(source.random(count) * reach).astype(np.int64)
    home = np.where(is_copy, firsts[np.maximum(chosen, 0)], numbers)
    return np.where(agency[home] == agency, numbers, home)


def _kinds(source: np.random.Generator, count: int) -> tuple[Small, Small, Small, Small]:
    """Type, place, neighbourhood within it, and operation. The first 18 cover the 18 types."""
    weights = np.array([TYPES[kind].weight for kind in KINDS], dtype=float)
    kind = source.choice(len(KINDS), count, p=weights / weights.sum()).astype(np.int8)
    first = min(count, len(KINDS))
    kind[:first] = np.arange(first)
    place = source.integers(0, len(PLACES), count, dtype=np.int8)
    within = np.array([len(one.neighborhoods) for one in PLACES])[place]
    neighborhood = np.floor(source.random(count) * within).astype(np.int8)
    shares = np.array([SHARES[one] for one in OPERATIONS], dtype=float)
    return kind, place, neighborhood, source.choice(len(OPERATIONS), count, p=shares / shares.sum()).astype(np.int8)


def _offers(
    parameters: Parameters, source: np.random.Generator, kind: Small, operation: Small, position: Floats
) -> tuple[Flags, Small, Flags, Flags, tuple[Numbers, Numbers]]:
    """`position` of the price within the range of its type, 0 to 1. The second of two offers is a rent in US$."""
    wanted, count = parameters.listings, len(kind)
    specs = [TYPES[one] for one in KINDS]
    sale = _within([spec.sale for spec in specs], kind, position) * 1000
    rent = _within([spec.rent for spec in specs], kind, position) * 100
    two = (operation == SALE) & (source.random(count) < wanted.two_offers)
    chance = source.random(count)
    on_request = ~two & (chance < wanted.on_request)
    by_area = np.array([spec.sold_by_area for spec in specs])[kind]
    per_m2 = ~two & ~on_request & by_area & (chance < wanted.on_request + wanted.per_m2)
    starts = ~two & ~on_request & ~per_m2 & (operation == NEW_CONSTRUCTION) & (source.random(count) < 0.5)
    dollars = ~two & ~on_request & ~per_m2 & (source.random(count) < wanted.in_dollars)
    total = np.where(operation == RENT, rent, sale) / np.where(dollars, PESOS_PER_DOLLAR, 1)
    area = source.integers(800, 36_001, count) / 2
    first = np.where(per_m2, np.rint(area * 100).astype(np.int64), rounded(total * 100))
    price = np.select([on_request, starts], [ON_REQUEST, FROM], EXACT).astype(np.int8)
    second = rounded(rent / PESOS_PER_DOLLAR * 100)
    return two, price, per_m2, dollars, (np.where(on_request, -1, first), np.where(two, second, -1))


def _within(spans: Sequence[tuple[int, int]], kind: Small, position: Floats) -> Floats:
    low, high = np.array(spans, dtype=float).T
    found: Floats = np.rint(low[kind] + position * (high - low)[kind])
    return found
