"""What the product's database says it did: every write of live and what is still under way. Reads only."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from attrs import field, frozen
from sqlalchemy import Connection

from propspider import lab
from propspider.db import sql
from propspider.fields.listing_id import property_id
from propspider.lab.sample import public_id
from propspider.lab.truth import Event, Kind

GONE = frozenset({"confirmed_removed", "sold", "withdrawn"})
"""Values of listing_status that call a listing removed."""
_SIGHTED = frozenset({Kind.BUMPED, Kind.RELISTED})
"""Kinds of event that another look at a listing page may be all there is to notice of."""


class Write(NamedTuple):
    """A value of live, as text: when it was written, and when the page that brought it was fetched."""

    at: datetime
    observed_at: datetime
    public_id: str
    field: str
    value: str | None
    former: str | None
    is_first: bool


class TierRun(NamedTuple):
    """`hours` until now where it runs."""

    level: int | None
    name: str
    status: str
    started_at: datetime
    hours: float


@frozen(kw_only=True)
class Record:
    """Of [since, until), but statuses since ever. By public id; empty is what a policy that does nothing leaves.

    `open_work`: `queued`, `suspected`, `held` (a price waits for a person), `in need` → listings, at the end. `stored`: those
    with a live row.
    """

    writes: Sequence[Write] = ()
    sightings: Mapping[str, Sequence[datetime]] = field(factory=dict)
    renames: Mapping[str, Sequence[datetime]] = field(factory=dict)
    open_work: Mapping[str, frozenset[str]] = field(factory=dict)
    stored: frozenset[str] = frozenset()
    runs: Sequence[TierRun] = ()
    rows_lost: frozenset[str] = frozenset()

    def of(self, name: str) -> list[Write]:
        return [write for write in self.writes if write.field == name]

    def is_under_way(self, what: str, listing: str) -> bool:
        return listing in self.open_work.get(what, ())


def read_record(
    connection: Connection, events: Collection[Event], *, since: datetime, until: datetime, portal: str = lab.PORTAL
) -> Record:
    """`events`: those that are to be judged. What is under way and what was lost is as it is now."""
    span = {"portal": portal, "since": since, "until": until}

    def rows(name: str, **parameters: Any) -> Any:
        return connection.execute(sql.statement(lab.__name__, name), parameters)

    under_way: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows("open_work", portal=portal):
        under_way[row.what].add(public_id(row.property_id))
    wanted = sorted({property_id(portal, event.public_id) for event in events if event.kind in _SIGHTED})
    return Record(
        writes=[_write(row) for row in rows("writes", **span)],
        sightings=_moments(rows("sightings", property_ids=wanted, **span)),
        renames=_moments(rows("renames", **span)),
        stored=frozenset(under_way.pop("stored", ())),
        open_work={what: frozenset(listings) for what, listings in under_way.items()},
        runs=[TierRun(*row) for row in rows("tier_runs", **span)],
        rows_lost=frozenset(public_id(row.property_id) for row in rows("rows_lost", portal=portal)),
    )


def _write(row: Any) -> Write:
    listing = public_id(row.property_id)
    return Write(row.created_at, row.observed_at, listing, row.field_name, row.value, row.former, row.is_first)


def _moments(rows: Any) -> dict[str, list[datetime]]:
    found: defaultdict[str, list[datetime]] = defaultdict(list)
    for listing, at in rows:
        found[public_id(listing)].append(at)
    return dict(found)
