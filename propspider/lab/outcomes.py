"""What became of every event of the world: noticed, on its way, or missed. Pure: from the truth and the database's record."""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import numpy as np
from attrs import frozen

from propspider.lab.record import GONE, Record, Write
from propspider.lab.sample import read_offers
from propspider.lab.truth import Event, Kind

State = Literal["detected", "pending", "missed"]

HORIZONS: Mapping[Kind, timedelta] = {
    Kind.NEW: timedelta(days=1),
    Kind.REMOVED: timedelta(days=21),
    Kind.RELISTED: timedelta(days=7),
    Kind.REPRICED: timedelta(days=7),
    Kind.EDITED: timedelta(days=60),
    Kind.RENAMED: timedelta(days=7),
    Kind.BUMPED: timedelta(days=7),
    Kind.OFFER_GONE: timedelta(days=7),
}
"""How old an event must be to be judged, and within which time it counts as recalled."""

_PRICES = frozenset({Kind.REPRICED, Kind.OFFER_GONE})
_ENDED_BY = {kind: Kind.RELISTED if kind is Kind.REMOVED else Kind.REMOVED for kind in Kind}
"""What makes an event impossible to see when it comes first."""


class Outcome(NamedTuple):
    """`why`: of one that is pending or missed."""

    event: Event
    detected_at: datetime | None
    state: State
    why: str | None

    @property
    def hours(self) -> float:
        """From the event to the row that knows it; infinite for one that was not noticed."""
        return float("inf") if self.detected_at is None else (self.detected_at - self.event.at) / timedelta(hours=1)


@frozen(kw_only=True)
class Figures:
    """Of the events old enough to be judged. Shares of 1, None of nothing. Latency in hours: the mean is of those noticed, the
    percentiles are of all (None: not noticed).
    """

    judged: int
    recall: float | None
    mean: float | None
    p50: float | None
    p95: float | None


@frozen(kw_only=True)
class Books:
    """All events of a kind; `why` counts those that are not detected."""

    kind: Kind
    events: int
    detected: int
    pending: int
    missed: int
    why: Mapping[str, int]

    @property
    def imbalance(self) -> int:
        return abs(self.events - self.detected - self.pending - self.missed)


def judge(events: Sequence[Event], record: Record, until: datetime) -> list[Outcome]:
    """One outcome an event, in their order. `events` are in the order of time, all of the span that the record is of."""
    return _Judge(events, record, until).outcomes()


def figures(outcomes: Iterable[Outcome], kind: Kind, until: datetime, *, within: timedelta | None = None) -> Figures:
    """`within`: instead of the kind's horizon."""
    horizon = within or HORIZONS[kind]
    hours = np.array([one.hours for one in outcomes if one.event.kind is kind and one.event.at + horizon <= until])
    noticed = hours[np.isfinite(hours)]
    return Figures(
        judged=len(hours),
        recall=float((hours <= horizon / timedelta(hours=1)).mean()) if hours.size else None,
        mean=float(noticed.mean()) if noticed.size else None,
        p50=_percentile(hours, 50),
        p95=_percentile(hours, 95),
    )


def _percentile(hours: "np.ndarray[tuple[int], np.dtype[np.float64]]", percent: float) -> float | None:
    if not hours.size:
        return None
    found = float(np.percentile(hours, percent, method="inverted_cdf"))
    return found if np.isfinite(found) else None


def books(events: Iterable[Event], outcomes: Sequence[Outcome]) -> list[Books]:
    """The ledger of events, a line a kind. What the world did and what was judged of it are counted apart."""
    happened = Counter(event.kind for event in events)
    states = Counter((one.event.kind, one.state) for one in outcomes)
    reasons: defaultdict[Kind, Counter[str]] = defaultdict(Counter)
    for one in outcomes:
        if one.why is not None:
            reasons[one.event.kind][f"{one.state}: {one.why}"] += 1
    return [
        Books(
            kind=kind,
            events=happened[kind],
            detected=states[kind, "detected"],
            pending=states[kind, "pending"],
            missed=states[kind, "missed"],
            why=dict(sorted(reasons[kind].items())),
        )
        for kind in Kind
    ]


class _Judge:
    def __init__(self, events: Sequence[Event], record: Record, until: datetime) -> None:
        self._events, self._record, self._until = events, record, until
        self._chains: defaultdict[str, list[Event]] = defaultdict(list)
        for event in events:
            self._chains[event.public_id].append(event)
        self._writes: defaultdict[tuple[str, str], list[Write]] = defaultdict(list)
        for write in record.writes:
            self._writes[write.public_id, write.field].append(write)

    def outcomes(self) -> list[Outcome]:
        return [self._outcome(event) for event in self._events]

    def _outcome(self, event: Event) -> Outcome:
        end = self._end(event)
        at = self._detected(event, end or self._until)
        if at is not None:
            return Outcome(event, at, "detected", None)
        if end is not None:
            return Outcome(event, None, "missed", "overtaken")
        if event.at + HORIZONS[event.kind] > self._until:
            return Outcome(event, None, "pending", "young")
        for what in self._ways(event.kind):
            if self._record.is_under_way(what, event.public_id):
                return Outcome(event, None, "pending", what)
        return Outcome(event, None, "missed", "unnoticed" if event.public_id in self._record.stored else "never stored")

    def _ways(self, kind: Kind) -> tuple[str, ...]:
        """How a listing may still be on its way to be right."""
        match kind:
            case Kind.REMOVED:
                return ("suspected",)
            case Kind.BUMPED:
                return ()
            case _:
                return ("queued", "in need", "held") if kind in _PRICES else ("queued", "in need")

    def _end(self, event: Event) -> datetime | None:
        chain = self._chains[event.public_id]
        after = bisect_right(chain, event.at, key=lambda other: other.at)
        return next((other.at for other in chain[after:] if other.kind is _ENDED_BY[event.kind]), None)

    def _detected(self, event: Event, end: datetime) -> datetime | None:
        found: datetime | None
        match event.kind:
            case Kind.NEW:
                found = next((write.at for write in self._since(event, "title") if write.is_first), None)
            case Kind.REMOVED:
                gone = (write.at for write in self._since(event, "listing_status") if write.value in GONE)
                found = _before(end, next(gone, None))
            case Kind.RELISTED:
                found = _before(end, self._back(event))
            case Kind.REPRICED | Kind.OFFER_GONE:
                found = next((write.at for write in self._since(event, "offers") if self._has_the_price(write, event)), None)
            case Kind.EDITED:
                found = _earliest(*(write.at for name in ("title", "description") for write in self._since(event, name)[:1]))
            case Kind.RENAMED:
                kept = _first(self._record.renames.get(event.public_id, ()), event.at)
                found = _earliest(kept, *(write.at for write in self._since(event, "source_url")))
            case Kind.BUMPED:
                found = _first(self._record.sightings.get(event.public_id, ()), event.at)
        return found

    def _since(self, event: Event, field: str) -> list[Write]:
        """What was written of pages fetched since the event."""
        writes = self._writes.get((event.public_id, field), [])
        late = writes[bisect_left(writes, event.at, key=lambda write: write.at) :]
        return [write for write in late if write.observed_at >= event.at]

    def _back(self, event: Event) -> datetime | None:
        """Called back by the database; where it never called the listing gone, seen again."""
        writes = self._writes.get((event.public_id, "listing_status"), [])
        before = bisect_left(writes, event.at, key=lambda write: write.at)
        if before and writes[before - 1].value in GONE:
            return next((write.at for write in writes[before:] if write.value not in GONE), None)
        return _first(self._record.sightings.get(event.public_id, ()), event.at)

    def _has_the_price(self, write: Write, event: Event) -> bool:
        """The amount that the event brought, or what came of it until the page was fetched."""
        true = event
        for other in self._chains[event.public_id]:
            if other.at > write.observed_at:
                break
            if other.kind in _PRICES and other.operation is event.operation and other.at >= true.at:
                true = other
        stated = [offer[3] for offer in read_offers(write.value) if offer[0] == event.operation]
        return not stated if true.kind is Kind.OFFER_GONE else true.new in stated


def _first(moments: Sequence[datetime], since: datetime) -> datetime | None:
    place = bisect_left(moments, since)
    return moments[place] if place < len(moments) else None


def _earliest(*moments: datetime | None) -> datetime | None:
    return min((at for at in moments if at is not None), default=None)


def _before(end: datetime, at: datetime | None) -> datetime | None:
    return at if at is not None and at < end else None
