"""All that happens on a living portal during a run, drawn at once: one row for each state of each listing."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from propspider.lab.parameters import Parameters
from propspider.lab.population import DAY, Flags, Floats, Numbers, Population, Small, rounded, stream
from propspider.lab.truth import Kind

KINDS = tuple(Kind)
STOCK = len(KINDS)
"""The kind of the rows that a run begins with: of no event."""
LONG_AGO = -(2**62)
NEW, REMOVED, RELISTED, REPRICED, EDITED, RENAMED, BUMPED, OFFER_GONE = range(len(KINDS))
_ORDER = np.array([0, 9, 1, 2, 3, 4, 5, 6, 0], dtype=np.int8)
"""By kind, within one second of one listing."""
_PERCENTS = np.array((-12, -8, -5, -3, -2, 2, 3, 4, 6))


class Manner(IntEnum):
    """How a removed listing's own page answers."""

    NOT_FOUND = 0
    SOLD = 1
    WITHDRAWN = 2
    REDIRECT = 3


@dataclass(frozen=True)
class History:
    """Rows by listing, then time. A row's state holds from `at` (seconds from the start) until the listing's next row.

    `first[n]` is listing n's first row. `old` and `new` are cents of the offer (0 or 1) of a price or an offer that goes;
    `amounts` the cents of both, `offers` bits of those that stand, `sort_at` what newest first goes by.
    """

    first: Numbers
    listing: Numbers
    at: Numbers
    kind: Small
    offer: Small
    old: Numbers
    new: Numbers
    edits: NDArray[np.int32]
    renames: NDArray[np.int32]
    amounts: tuple[Numbers, Numbers]
    offers: Small
    manner: Small
    sort_at: Numbers
    in_time: Numbers
    """Rows in the order of time."""
    times: Numbers
    """Of `in_time`."""


@dataclass(frozen=True)
class _Happenings:
    listing: Numbers
    at: Numbers
    kind: Small
    offer: Small

    @classmethod
    def of(cls, kind: int, listing: Numbers, at: NDArray[np.number], offer: Small | None = None) -> "_Happenings":
        count = len(listing)
        none = np.full(count, -1, dtype=np.int8)
        return cls(listing, at.astype(np.int64), np.full(count, kind, dtype=np.int8), none if offer is None else offer)


def happen(parameters: Parameters, people: Population, *, seed: int, days: float) -> History:
    parts = [*_lives(people), *_changes(parameters, people, seed, days)]
    listing, at, kind, offer = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("listing", "at", "kind", "offer")
    )
    within = at < days * DAY
    listing, at, kind, offer = listing[within], at[within], kind[within], offer[within]
    order = np.lexsort((_ORDER[kind], at, listing))
    listing, at, kind, offer = listing[order], at[order], kind[order], offer[order]
    return _told(parameters, people, seed, listing, at, kind, offer)


def _lives(people: Population) -> list[_Happenings]:
    numbers = np.arange(len(people))
    stock, coming = numbers[: people.stock], numbers[people.stock :]
    paused = np.flatnonzero(np.isfinite(people.split))
    off = people.born[paused] + people.split[paused] * DAY
    on = off + people.gap[paused] * DAY
    return [
        _Happenings.of(STOCK, stock, np.full(len(stock), LONG_AGO)),
        _Happenings.of(NEW, coming, people.born[coming]),
        _Happenings.of(REMOVED, numbers, _moments(people, numbers, people.life)),
        _Happenings.of(REMOVED, paused, off),
        _Happenings.of(RELISTED, paused, on),
    ]


def _moments(people: Population, listing: Numbers, shown_for: Floats) -> Numbers:
    """When listings have been shown for so many days."""
    pause = np.where(shown_for > people.split[listing], people.gap[listing], 0)
    return people.born[listing] + ((shown_for + pause) * DAY).astype(np.int64)


def _changes(parameters: Parameters, people: Population, seed: int, days: float) -> list[_Happenings]:
    wanted, count = parameters.changes, len(people)
    pace: Floats = people.agencies.pace[people.agency] * np.array(wanted.bands)[people.band] / people.change_norm

    def rates(name: str, mean: float) -> Floats:
        unlike: Floats = stream(seed, f"{name} rates").gamma(wanted.skew, 1 / wanted.skew, count)
        return mean * pace * unlike

    priced = people.priced
    prices = np.where(priced, rates("price", wanted.prices) / max(float(priced.mean()), 1e-9), 0)
    edits = rates("edit", max(0.0, wanted.edits - wanted.prices * wanted.edits_with_price))
    bumping = people.agencies.bumps[people.agency]
    bumps = np.where(bumping, wanted.bumps / max(float(bumping.mean()), 1e-9), 0)
    source = stream(seed, "changes")
    when = _When(parameters, people, days)

    listing, at = when(source, prices, by_age=True)
    offer = np.where(people.two[listing], source.integers(0, 2, len(listing)), 0).astype(np.int8)
    gone = _offers_gone(parameters, people, source)
    ended = np.full((2, count), np.iinfo(np.int64).max)
    ended[gone.offer, gone.listing] = gone.at
    stands = at < ended[offer, listing]
    listing, at, offer = listing[stands], at[stands], offer[stands]
    with_edit = source.random(len(listing)) < wanted.edits_with_price
    return [
        gone,
        _Happenings.of(REPRICED, listing, at, offer),
        _Happenings.of(EDITED, listing[with_edit], at[with_edit]),
        _Happenings.of(EDITED, *when(source, edits, by_age=True)),
        _Happenings.of(BUMPED, *when(source, bumps)),
        _Happenings.of(RENAMED, *when(source, np.full(count, wanted.renames))),
    ]


def _offers_gone(parameters: Parameters, people: Population, source: np.random.Generator) -> _Happenings:
    both = np.flatnonzero(people.two)
    rate = parameters.changes.offer_gone
    after = people.age[both] + (source.exponential(1 / rate, len(both)) if rate else np.inf)
    offer = source.integers(0, 2, len(both), dtype=np.int8)
    in_time = after < people.life[both]
    both, after, offer = both[in_time], after[in_time], offer[in_time]
    return _Happenings.of(OFFER_GONE, both, _moments(people, both, after), offer)


class _When:
    """Moments of a Poisson process for each listing while it is shown within the run, faster while it is young."""

    def __init__(self, parameters: Parameters, people: Population, days: float) -> None:
        self._changes, self._people = parameters.changes, people
        self._since = people.age
        self._until = np.minimum(people.life, np.maximum(days - people.born / DAY, people.age))

    def __call__(self, source: np.random.Generator, rate: Floats, *, by_age: bool = False) -> tuple[Numbers, Numbers]:
        changes = self._changes
        turn = np.clip(changes.young_days, self._since, self._until) if by_age else self._since
        pieces = [
            self._drawn(source, rate * (changes.young if by_age else 1), self._since, turn),
            self._drawn(source, rate * (changes.old if by_age else 1), turn, self._until),
        ]
        listing, shown_for = (np.concatenate(columns) for columns in zip(*pieces, strict=True))
        return listing, _moments(self._people, listing, shown_for)

    def _drawn(self, source: np.random.Generator, rate: Floats, since: Floats, until: Floats) -> tuple[Numbers, Floats]:
        span = np.maximum(until - since, 0)
        listing = np.repeat(np.arange(len(rate)), source.poisson(rate * span))
        return listing, since[listing] + source.random(len(listing)) * span[listing]


def _told(
    parameters: Parameters, people: Population, seed: int, listing: Numbers, at: Numbers, kind: Small, offer: Small
) -> History:
    begins = (kind == STOCK) | (kind == NEW)
    rows = np.arange(len(listing))
    start = np.flatnonzero(begins)[listing]
    old, new = _prices(people, seed, listing, kind, offer)
    amounts = []
    for which in (0, 1):
        value = np.where(begins, people.amounts[which][listing], new)
        amounts.append(value[_latest(begins | ((kind == REPRICED) & (offer == which)), rows)])
    gone = kind == OFFER_GONE
    bits = np.where(begins, np.where(people.two[listing], 3, 1), np.where(gone, 2 - offer, 0)).astype(np.int8)
    old[gone] = np.where(offer == 0, amounts[0], amounts[1])[gone]
    lifts = (kind == RELISTED) | (kind == BUMPED)
    removal = stream(seed, "removal")
    shares = np.array(parameters.removal.shares)
    manner = removal.choice(len(Manner), len(rows), p=shares / shares.sum()).astype(np.int8)
    in_time = np.argsort(at, kind="stable")
    return History(
        first=np.flatnonzero(begins),
        listing=listing,
        at=at,
        kind=kind,
        offer=offer,
        old=old,
        new=new,
        edits=_counted(kind == EDITED, start),
        renames=_counted(kind == RENAMED, start),
        amounts=(amounts[0], amounts[1]),
        offers=bits[_latest(begins | gone, rows)],
        manner=manner,
        sort_at=np.where(begins, people.published[listing], at)[_latest(begins | lifts, rows)],
        in_time=in_time,
        times=at[in_time],
    )


def _latest(sets: Flags, rows: Numbers) -> Numbers:
    """For each row the last one up to it that sets the value; each listing's first does."""
    return np.maximum.accumulate(np.where(sets, rows, 0))


def _counted(which: Flags, start: Numbers) -> NDArray[np.int32]:
    passed = np.cumsum(which)
    return (passed - passed[start]).astype(np.int32)


def _prices(people: Population, seed: int, listing: Numbers, kind: Small, offer: Small) -> tuple[Numbers, Numbers]:
    """Cents before and after each change, -1 elsewhere: always another amount, moved by 2 to 12 %."""
    changes = np.flatnonzero(kind == REPRICED)
    track = listing[changes] * 2 + offer[changes]
    order = np.argsort(track, kind="stable")
    changes, track = changes[order], track[order]
    _, begin, size = np.unique(track, return_index=True, return_counts=True)
    nth = np.arange(len(track)) - np.repeat(begin, size)
    percent = stream(seed, "percent").choice(_PERCENTS, len(track))
    base = np.where(offer[changes] == 0, people.amounts[0][listing[changes]], people.amounts[1][listing[changes]])
    before, after = base.copy(), base.copy()
    for turn in range(int(nth.max(initial=-1)) + 1):
        now = np.flatnonzero(nth == turn)
        if turn:
            before[now] = after[now - 1]
        moved = rounded(before[now] * (100 + percent[now]) / 100)
        after[now] = np.where(moved == before[now], before[now] + 50, moved)
    old, new = np.full(len(listing), -1, dtype=np.int64), np.full(len(listing), -1, dtype=np.int64)
    old[changes], new[changes] = before, after
    return old, new
