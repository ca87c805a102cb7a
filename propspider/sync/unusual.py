"""What a session brought, set beside what the sessions before it brought. Functions take a connection; the caller commits."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from sqlalchemy import Connection, func, select, text

from propspider.db.models import Sweep
from propspider.sync import coverage, statement
from propspider.sync.runs import SessionRef

SESSIONS = 20
FEWEST_SESSIONS = 8
FEWEST_LISTINGS = 20
"""Below, a share says little."""
SPREADS = 5.0
OF_NORMAL = 1.4826
"""Median distance × this is the standard deviation, where what is measured is normal."""
SHARE_FLOOR, COUNT_FLOOR = 0.10, 0.20
"""What is nearer than this (a share's points, a count's part) is never unusual, however steady its history."""
LISTINGS = "listings"

Measures = dict[str, float]
"""`listings` is a count, everything else a share."""


@dataclass(frozen=True)
class Unusual:
    measure: str
    found: float
    usual: float

    def __str__(self) -> str:
        if self.measure == LISTINGS:
            return f"{self.found:,.0f} listings, {self.usual:,.0f} are usual"
        what = "pages read" if self.measure == "read" else f"{self.measure} filled"
        return f"{what}: {self.found:.0%}, {self.usual:.0%} is usual"


def is_far(value: float, history: Sequence[float], *, floor: float) -> bool | None:
    """Whether it lies more than SPREADS spreads, and more than `floor`, from the median. None: the history is too short."""
    if len(history) < FEWEST_SESSIONS:
        return None
    middle = median(history)
    spread = OF_NORMAL * median(abs(past - middle) for past in history)
    return abs(value - middle) > max(SPREADS * spread, floor)


def judge(measures: Mapping[str, float], history: Sequence[Mapping[str, float]]) -> list[Unusual] | None:
    """Measures that are far from their history; None when no measure has one."""
    known = False
    found: list[Unusual] = []
    for name, value in measures.items():
        past = [before[name] for before in history if name in before]
        floor = COUNT_FLOOR * median(past) if name == LISTINGS and past else SHARE_FLOOR
        far = is_far(value, past, floor=floor)
        known = known or far is not None
        if far:
            found.append(Unusual(name, value, median(past)))
    return found if known else None


def comparable(spider: str, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a session's predecessors must have been asked for as well. None: whatever they were: shares do not depend on it."""
    return dict(arguments) if spider == "manifest" else None


def subject(spider: str, alike: Mapping[str, Any] | None) -> str:
    told = {name: value for name, value in (alike or {}).items() if name not in {"portal", "base_url"}}
    return " ".join([spider, *(f"{name}={value}" for name, value in sorted(told.items()))])


def measure(connection: Connection, session_id: uuid.UUID, spider: str, success_rate: float | None) -> Measures:
    """A manifest's listings; of details the share of pages that were read, and of those that have each field. The number of
    details is no measure: a night on which nothing changed brings none. Empty where there is too little to measure.
    """
    if spider == "manifest":
        entries = select(func.sum(Sweep.entries)).where(Sweep.session_id == session_id)
        found = connection.execute(entries).scalar()
        return {} if found is None else {LISTINGS: float(found)}
    if spider != "detail":
        return {}
    pages, shares = coverage.of_session(connection, session_id)
    if pages < FEWEST_LISTINGS:
        return {}
    read = {} if success_rate is None else {"read": success_rate}
    return read | {name: round(share, 4) for name, share in shares.items()}


def history(connection: Connection, session: SessionRef, spider: str, alike: Mapping[str, Any] | None) -> list[Measures]:
    """The newest first."""
    parameters = {
        "session_id": session.id,
        "portal": session.portal,
        "spider": spider,
        "most": SESSIONS,
        "arguments": None if alike is None else json.dumps(alike),
    }
    return list(connection.execute(statement("session_measures"), parameters).scalars())


def keep(connection: Connection, session_id: uuid.UUID, measures: Measures) -> None:
    """For the sessions that come after it, in `stats` of the session."""
    command = text(
        "UPDATE scraping_sessions SET stats = stats || jsonb_build_object('measures', CAST(:measures AS jsonb)) WHERE id = :id"
    )
    connection.execute(command, {"measures": json.dumps(measures), "id": session_id})
