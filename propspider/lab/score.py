"""The scorecard of one run: what the product's database made of the world, each target with its margin and with what a policy
that does nothing would have got.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import fmean, median
from typing import Literal

import attrs
import numpy as np
from attrs import field, frozen
from sqlalchemy import Connection

from propspider import lab
from propspider.lab import outcomes, requests, values
from propspider.lab.outcomes import HORIZONS, Books, Outcome
from propspider.lab.record import Record, TierRun, read_record
from propspider.lab.requests import LoggedRequest, RequestBooks, Traffic
from propspider.lab.sample import Sample, Snapshot, compare
from propspider.lab.truth import Event, Kind, Truth

Better = Literal["higher", "lower"]
Unit = Literal["share", "hours", "days", "listings", "requests", "times", "count"]

NAMES = {Kind.NEW: "new", Kind.REPRICED: "price change", Kind.REMOVED: "removal", Kind.RELISTED: "relist"}
DAY = timedelta(days=1)


@frozen(kw_only=True)
class Row:
    """`value` None: there was nothing to measure, which meets no target; of a latency's percentile: it was not reached.

    `nothing`: what a policy that does nothing would have got, the better of an empty database and one frozen at the beginning.
    `reason`: why a target is missed, as far as the caller knows.
    """

    name: str
    value: float | None
    better: Better
    seed: int
    unit: Unit = "count"
    target: float | None = None
    nothing: float | None = None
    reason: str | None = None

    @property
    def margin(self) -> float | None:
        """From the target to the value; negative where it is missed."""
        if self.value is None or self.target is None:
            return None
        return self.value - self.target if self.better == "higher" else self.target - self.value

    @property
    def is_met(self) -> bool | None:
        """None without a target."""
        return None if self.target is None else meets(self.value, self.target, self.better)

    @property
    def is_vacuous(self) -> bool:
        """Doing nothing would meet the target."""
        return self.target is not None and meets(self.nothing, self.target, self.better)


@frozen(kw_only=True)
class Targets:
    """None: no target. Shares of 1, days, listings, counts."""

    new_in_24_hours: float | None = 0.95
    removal_precision: float | None = 0.99
    removal_recall: float | None = 0.95
    oldest_detail: float | None = 60
    backlog: float | None = None
    imbalance: float | None = 0
    false_removals: float | None = None
    rows_lost: float | None = 0
    wrong_values: float | None = 0

    @classmethod
    def under_fault(cls) -> "Targets":
        nothing = dict.fromkeys(attrs.fields_dict(cls))
        return cls(**(nothing | {"false_removals": 0, "rows_lost": 0, "wrong_values": 0}))


@frozen(kw_only=True)
class Scorecard:
    """Of [since, until). `page_size` in cards. `still` are the samples of a database that was frozen at the beginning."""

    seed: int
    since: datetime
    until: datetime
    rows: Sequence[Row]
    events: Sequence[Books]
    requests: RequestBooks
    traffic: Traffic
    outcomes: Sequence[Outcome] = field(repr=False)
    samples: Sequence[Sample] = field(repr=False)
    still: Sequence[Sample] = field(repr=False)
    runs: Sequence[TierRun] = field(repr=False)
    wrong: Sequence[values.Wrong] = field(repr=False)

    def row(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)

    @property
    def missed(self) -> list[Row]:
        return [row for row in self.rows if row.is_met is False]


@frozen(kw_only=True)
class _Evidence:
    """What one policy left behind."""

    record: Record
    samples: Sequence[Sample]
    traffic: Traffic
    requests: RequestBooks


def meets(value: float | None, target: float, better: Better) -> bool:
    if value is None:
        return False
    return value >= target if better == "higher" else value <= target


def score(
    connection: Connection,
    truth: Truth,
    log: Iterable[LoggedRequest],
    samples: Sequence[Sample],
    *,
    seed: int,
    since: datetime,
    until: datetime,
    start: Snapshot,
    page_size: int = 42,
    targets: Targets | None = None,
    reasons: Mapping[str, str] | None = None,
    portal: str = lab.PORTAL,
) -> Scorecard:
    """`start`: the database at `since`. `reasons`: row name → why it may miss its target. Reads only; what is under way is as it
    stands at the moment of the call, which is to be `until`. Raises ValueError for an empty span.
    """
    if until <= since:
        raise ValueError("no time has passed: there is nothing to score")
    events, log = list(truth.events(since, until)), list(log)
    past = values.Past(truth, events, since, until)
    own = _Evidence(
        record=read_record(connection, events, since=since, until=until, portal=portal),
        samples=[one for one in samples if since <= one.at <= until],
        traffic=requests.traffic(log, since, until),
        requests=requests.request_books(connection, log, since=since, until=until, portal=portal),
    )
    days = [since + DAY * day for day in range((until - since) // DAY + 1)]
    still = [compare(start, past.facts(at), at) for at in days]
    none = [compare(Snapshot(rows={}), past.facts(at), at) for at in days]
    before = Record(writes=[write for write in own.record.writes if write.at < since], stored=frozenset(start.rows))
    measure = _Measure(events, past, since, until, page_size)
    judged, own_values, wrong = measure.all(own)
    _, of_still, _ = measure.all(_idle(before, still, since, until))
    _, of_none, _ = measure.all(_idle(Record(), none, since, until))
    goals, why = _goals(targets or Targets()), reasons or {}
    rows = []
    for name, (value, better, unit) in own_values.items():
        others = [found for of in (of_still, of_none) if name in of and (found := of[name][0]) is not None]
        best = (max if better == "higher" else min)(others, default=None)
        goal = goals.get(name)
        row = Row(name=name, value=value, better=better, seed=seed, unit=unit, target=goal, nothing=best)
        rows.append(attrs.evolve(row, reason=why.get(name) if row.is_met is False else None))
    return Scorecard(
        seed=seed,
        since=since,
        until=until,
        rows=rows,
        events=outcomes.books(events, judged),
        requests=own.requests,
        traffic=own.traffic,
        outcomes=judged,
        samples=own.samples,
        still=still,
        runs=own.record.runs,
        wrong=wrong,
    )


def _idle(record: Record, samples: Sequence[Sample], since: datetime, until: datetime) -> _Evidence:
    """Of a policy that asked for nothing."""
    return _Evidence(
        record=record,
        samples=samples,
        traffic=requests.traffic([], since, until),
        requests=requests.balance(0, [], since),
    )


def _goals(targets: Targets) -> dict[str, float]:
    named = {
        "new in 24 h": targets.new_in_24_hours,
        "removal precision": targets.removal_precision,
        "removal recall within 21 d": targets.removal_recall,
        "oldest detail": targets.oldest_detail,
        "backlog, most": targets.backlog,
        "ledger imbalance": targets.imbalance,
        "false removals": targets.false_removals,
        "rows lost": targets.rows_lost,
        "values overwritten wrongly": targets.wrong_values,
    }
    return {name: goal for name, goal in named.items() if goal is not None}


Measured = dict[str, tuple[float | None, Better, Unit]]


class _Measure:
    def __init__(self, events: list[Event], past: values.Past, since: datetime, until: datetime, page_size: int) -> None:
        self._events, self._past, self._since, self._until, self._page_size = events, past, since, until, page_size

    def all(self, evidence: _Evidence) -> tuple[list[Outcome], Measured, list[values.Wrong]]:
        judged = outcomes.judge(self._events, evidence.record, self._until)
        calls = values.verdicts(evidence.record, self._past, since=self._since, until=self._until)
        wrong = values.wrong_values(evidence.record, self._past)
        found = self._of_events(judged, calls)
        books = outcomes.books(self._events, judged)
        imbalance = sum(one.imbalance for one in books) + evidence.requests.imbalance
        found["ledger imbalance"] = (imbalance, "lower", "count")
        found["rows lost"] = (_rows_lost(evidence), "lower", "listings")
        found["values overwritten wrongly"] = (len(wrong), "lower", "count")
        found |= self._of_samples(evidence.samples)
        found |= _of_runs(evidence.record.runs)
        found |= self._of_requests(evidence)
        return judged, found, wrong

    def _of_events(self, judged: Sequence[Outcome], calls: values.Verdicts) -> Measured:
        new = outcomes.figures(judged, Kind.NEW, self._until)
        found: Measured = {
            "new in 24 h": (new.recall, "higher", "share"),
            "new in 24 h, of those shown so long": (self._new_that_stayed(judged), "higher", "share"),
        }
        for kind, name in NAMES.items():
            right = calls[name]  # type: ignore[index]
            of = outcomes.figures(judged, kind, self._until)
            found[f"{name} precision"] = (fmean(right) if right else None, "higher", "share")
            if kind is Kind.REMOVED:
                found["false removals"] = (right.count(False), "lower", "count")
            if kind is not Kind.NEW:
                found[f"{name} recall within {HORIZONS[kind].days} d"] = (of.recall, "higher", "share")
            found[f"{name} latency, mean"] = (of.mean, "lower", "hours")
            found[f"{name} latency, p50"] = (of.p50, "lower", "hours")
            found[f"{name} latency, p95"] = (of.p95, "lower", "hours")
            found[f"{name} events judged"] = (of.judged, "higher", "count")
        return found

    def _new_that_stayed(self, judged: Sequence[Outcome]) -> float | None:
        leaves = {one.event.public_id: one.event.at for one in reversed(judged) if one.event.kind is Kind.REMOVED}
        stayed = [
            one
            for one in judged
            if one.event.kind is Kind.NEW and leaves.get(one.event.public_id, self._until) >= one.event.at + DAY
        ]
        return outcomes.figures(stayed, Kind.NEW, self._until).recall

    def _of_samples(self, samples: Sequence[Sample]) -> Measured:
        def mean(of: Callable[[Sample], float | None]) -> float | None:
            known = [value for one in samples if (value := of(one)) is not None]
            return fmean(known) if known else None

        def most(of: Callable[[Sample], float | None]) -> float | None:
            return max((value for one in samples if (value := of(one)) is not None), default=None)

        return {
            "F_core, mean": (mean(lambda one: one.f_core), "higher", "share"),
            "F_all, mean": (mean(lambda one: one.f_all), "higher", "share"),
            "oldest detail": (most(lambda one: one.age_max or 0.0), "lower", "days"),
            "detail age, mean": (mean(lambda one: one.age_mean), "lower", "days"),
            "detail age, p95": (mean(lambda one: one.age_p95), "lower", "days"),
            "details older than 30 d": (
                mean(lambda one: one.stale / one.rows_shown if one.rows_shown else None),
                "lower",
                "share",
            ),
            "backlog, most": (most(lambda one: one.backlog), "lower", "listings"),
            "backlog, mean": (mean(lambda one: one.backlog), "lower", "listings"),
            "in need and not queued, most": (most(lambda one: one.in_need), "lower", "listings"),
        }

    def _of_requests(self, evidence: _Evidence) -> Measured:
        counted, days = evidence.traffic, (self._until - self._since) / DAY
        found: Measured = {f"{kind} requests a day": (n / days, "lower", "requests") for kind, n in counted.by_kind.items()}
        listings = fmean(one.listings for one in evidence.samples) if evidence.samples else 0.0
        found["requests a listing and day"] = (counted.total / days / listings if listings else None, "lower", "requests")
        whole = [counted.of_day(day) for day in range(int(days))]
        usual = median(whole) if whole else 0
        naive = listings + np.ceil(listings / self._page_size)
        found["a full scrape, against a day's sync"] = (float(naive) / usual if usual else None, "higher", "times")
        return found


def _rows_lost(evidence: _Evidence) -> int:
    """Those that can be named, or the largest loss between two samples where that is more."""
    sizes = [one.rows for one in evidence.samples]
    drop = max((before - after for before, after in pairwise(sizes)), default=0)
    return max(len(evidence.record.rows_lost), drop, 0)


def _of_runs(runs: Sequence[TierRun]) -> Measured:
    found: Measured = {}
    for name in dict.fromkeys(run.name for run in sorted(runs, key=lambda run: (run.level is None, run.level or 0, run.name))):
        hours = [run.hours for run in runs if run.name == name]
        found[f"{name} runs"] = (len(hours), "higher", "count")
        found[f"{name} takes, mean"] = (fmean(hours), "lower", "hours")
        found[f"{name} takes, most"] = (max(hours), "lower", "hours")
    return found
