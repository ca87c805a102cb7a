"""A truth written by hand, and a database that learns of it through the product's own functions at hours of the test's choice."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import attrs
from sqlalchemy import Engine

from propspider.items import Offer, Operation
from propspider.lab import requests
from propspider.lab.sample import Sample, Snapshot, sample, snapshot
from propspider.lab.score import Row, Scorecard, Targets, score
from propspider.lab.truth import Event, Fact, Kind
from propspider.sync import statuses
from propspider.sync.locks import lock_listings
from propspider.sync.promote import promote
from propspider.sync.runs import SessionRef
from tests.builders import EARLY, PORTAL, entry, item, listing, new_session, offer, page, run
from tests.sync.steps import flush_pages

TITLE = "A house"
DESCRIPTION = "Bright rooms that look onto the garden"
CLOCK = """CREATE SCHEMA lab; CREATE TABLE lab.clock (at timestamptz NOT NULL); INSERT INTO lab.clock VALUES (now());
CREATE OR REPLACE FUNCTION app_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT at FROM lab.clock'"""


def hour(number: float) -> datetime:
    return EARLY + timedelta(hours=number)


def public(number: int) -> str:
    return listing(number).partition(":")[2]


def fact(number: int = 1, *offers: Offer, shown: bool = True, title: str = TITLE, description: str = DESCRIPTION) -> Fact:
    return Fact(
        public_id=public(number),
        home=number,
        is_shown=shown,
        slug=public(number).lower(),
        offers=offers or (offer(),),
        title=title,
        description=description,
        published_at=hour(-1000),
    )


class SmallTruth:
    """Listings as lists of (hour, state), and the events that lie between them."""

    def __init__(self, *states: tuple[float, Fact]) -> None:
        self._states = sorted(((hour(at), one) for at, one in states), key=lambda state: state[0])
        self._events = [event for event in map(self._event, range(len(self._states))) if event is not None]

    def events(self, since: datetime, until: datetime) -> Sequence[Event]:
        return [event for event in self._events if since <= event.at < until]

    def facts(self, at: datetime) -> Mapping[str, Fact]:
        return {one.public_id: one for moment, one in self._states if moment < at}

    def _event(self, place: int) -> Event | None:
        at, now = self._states[place]
        before = next((one for _, one in reversed(self._states[:place]) if one.public_id == now.public_id), None)
        operation: Operation | None = None
        old: Decimal | None = None
        new: Decimal | None = None
        if before is None:
            kind = Kind.NEW
        elif before.is_shown != now.is_shown:
            kind = Kind.RELISTED if now.is_shown else Kind.REMOVED
        elif before.offers != now.offers:
            left = {one.operation: one.amount for one in before.offers}
            right = {one.operation: one.amount for one in now.offers}
            (operation,) = [one for one in left if left[one] != right.get(one)]
            old, new = left[operation], right.get(operation)
            kind = Kind.REPRICED if operation in right else Kind.OFFER_GONE
        else:
            kind = Kind.EDITED if before != now else Kind.BUMPED
        return Event(at=at, kind=kind, public_id=now.public_id, operation=operation, old=old, new=new)


class Logged(NamedTuple):
    at: datetime
    method: str
    path: str
    status: int | None
    kind: str


@attrs.define
class Laboratory:
    """The product's database under a clock of its own."""

    engine: Engine
    truth: SmallTruth
    samples: list[Sample] = attrs.field(factory=list)
    log: list[Logged] = attrs.field(factory=list)
    start: Snapshot = attrs.field(factory=lambda: Snapshot(rows={}))

    def __attrs_post_init__(self) -> None:
        run(self.engine, CLOCK)
        self.at(0)

    def at(self, number: float) -> None:
        run(self.engine, "UPDATE lab.clock SET at = :at", at=hour(number))

    def reads(self, number: float, what: Fact, *, stored: float | None = None) -> None:
        """The detail page of a listing as `what`, fetched at an hour and stored then, or later."""
        session = self._session(stored or number, "detail")
        read = item(f"{PORTAL}:{what.public_id}", *what.offers, title=what.title, description=what.description)
        with self.engine.begin() as connection:
            promote(connection, session, [attrs.evolve(read, observed_at=hour(number))])

    def sees(self, number: float, *listings: int) -> None:
        """Their cards on a listing page, without prices."""
        self.at(number)
        flush_pages(self.engine, page(*(entry(one, offers=None) for one in listings), minute=60 * number))

    def calls(self, number: float, one: int, status: statuses.ListingStatus) -> None:
        session = self._session(number, "verify")
        with self.engine.begin() as connection:
            lock_listings(connection, PORTAL, [listing(one)])
            statuses.set_status(connection, status, {listing(one): hour(number)}, session_id=session.id, reason="test")

    def samples_at(self, *hours: float) -> None:
        with self.engine.connect() as connection:
            self.samples += [sample(connection, self.truth, hour(number)) for number in hours]

    def starts(self) -> None:
        with self.engine.connect() as connection:
            self.start = snapshot(connection)

    def scored(self, until_days: float = 30, targets: Targets | None = None, **reasons: str) -> Scorecard:
        self.at(24 * until_days)
        with self.engine.connect() as connection:
            return score(
                connection,
                self.truth,
                self.log,
                self.samples,
                seed=7,
                since=hour(0),
                until=hour(24 * until_days),
                start=self.start,
                targets=targets,
                reasons={name.replace("_", " "): why for name, why in reasons.items()},
            )

    def books(self, until: float) -> requests.RequestBooks:
        with self.engine.connect() as connection:
            return requests.request_books(connection, self.log, since=hour(0), until=hour(until))

    def _session(self, number: float, spider: str) -> SessionRef:
        self.at(number)
        return new_session(self.engine, spider)


def value(card: Scorecard, name: str) -> float | None:
    return card.row(name).value


def row(name: str = "new in 24 h", **facts: object) -> Row:
    known = {"name": name, "value": 0.5, "better": "higher", "seed": 7, "unit": "share", "target": 0.95}
    return Row(**(known | facts))  # type: ignore[arg-type]
