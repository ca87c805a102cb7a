"""The database beside the truth at one moment: what stands there, what of it is right, how old it is, and what waits."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
from attrs import frozen
from sqlalchemy import Connection

from propspider import lab
from propspider.db import sql
from propspider.fields.text import clean, clean_line
from propspider.items import Offer
from propspider.lab.truth import Fact, Truth

Offers: TypeAlias = tuple[tuple[str, str, str, Decimal | None, Decimal | None, str | None], ...]
"""Operation, unit, kind, amount, second amount and currency of each, in the order of operation and unit."""


class Stored(NamedTuple):
    """A live row. `read_at`: when its detail page was last read; aware UTC."""

    is_shown: bool
    offers: Offers
    title: str
    description: str | None
    read_at: datetime


@frozen(kw_only=True)
class Snapshot:
    """Live rows by public id. `backlog`: detail pages that wait in the queue, those on demand aside; `in_need`: listings that
    want one and stand in no queue.
    """

    rows: Mapping[str, Stored]
    backlog: int = 0
    in_need: int = 0


@frozen(kw_only=True)
class Sample:
    """Counts of listings. `either`: shown by the portal or by the database. Ages in days, of shown rows; None where there is
    none. `stale`: shown rows read more than 30 days ago.
    """

    at: datetime
    listings: int
    rows: int
    rows_shown: int
    either: int
    core_right: int
    all_right: int
    age_mean: float | None
    age_p95: float | None
    age_max: float | None
    stale: int
    backlog: int
    in_need: int

    @property
    def f_core(self) -> float:
        """Share of `either` whose existence and prices are right; 1 of nothing."""
        return self.core_right / self.either if self.either else 1.0

    @property
    def f_all(self) -> float:
        """The same with title and description."""
        return self.all_right / self.either if self.either else 1.0


def public_id(property_id: str) -> str:
    """As the truth names a listing of the database."""
    return property_id.partition(":")[2]


def sample(connection: Connection, truth: Truth, at: datetime, *, portal: str = lab.PORTAL) -> Sample:
    return compare(snapshot(connection, portal=portal), truth.facts(at), at)


def snapshot(connection: Connection, *, portal: str = lab.PORTAL) -> Snapshot:
    rows = connection.execute(sql.statement(lab.__name__, "live_rows"), {"portal": portal})
    waiting = connection.execute(sql.statement(lab.__name__, "waiting"), {"portal": portal}).one()
    return Snapshot(
        rows={
            public_id(row.property_id): Stored(row.is_shown, read_offers(row.offers), row.title, row.description, row.read_at)
            for row in rows
        },
        backlog=waiting.backlog,
        in_need=waiting.in_need,
    )


def compare(held: Snapshot, facts: Mapping[str, Fact], at: datetime) -> Sample:
    rows, shown = held.rows, {key for key, row in held.rows.items() if row.is_shown}
    true = {key: fact for key, fact in facts.items() if fact.is_shown}
    core = [key for key in true.keys() & shown if rows[key].offers == true_offers(true[key].offers)]
    right = sum(has_its_text(rows[key], true[key]) for key in core)
    ages = np.array([(at - rows[key].read_at) / timedelta(days=1) for key in shown])
    return Sample(
        at=at,
        listings=len(true),
        rows=len(rows),
        rows_shown=len(shown),
        either=len(true.keys() | shown),
        core_right=len(core),
        all_right=right,
        age_mean=float(ages.mean()) if ages.size else None,
        age_p95=float(np.percentile(ages, 95)) if ages.size else None,
        age_max=float(ages.max()) if ages.size else None,
        stale=int((ages > 30).sum()),
        backlog=held.backlog,
        in_need=held.in_need,
    )


def has_its_text(row: Stored, fact: Fact) -> bool:
    return row.title == true_title(fact) and row.description == true_description(fact)


def true_title(fact: Fact) -> str | None:
    """As an item would hold it."""
    return _line(fact.title)


def true_description(fact: Fact) -> str | None:
    return _text(fact.description)


_line = lru_cache(100_000)(clean_line)
_text = lru_cache(100_000)(clean)


def true_offers(offers: Iterable[Offer]) -> Offers:
    return _ordered((o.operation.value, o.unit.value, o.kind.value, o.amount, o.amount_max, o.currency) for o in offers)


@lru_cache(200_000)
def read_offers(text: str | None) -> Offers:
    """Of properties_live.offers, and of its history, as text."""
    offers = json.loads(text or "[]", parse_float=Decimal, parse_int=Decimal)
    return _ordered((o["operation"], o["unit"], o["kind"], o["amount"], o["amount_max"], o["currency"]) for o in offers)


def _ordered(offers: Iterable[tuple[str, str, str, Decimal | None, Decimal | None, str | None]]) -> Offers:
    return tuple(sorted(offers, key=lambda offer: offer[:2]))
