"""How many of the duplicates in a file whose truth is known are found, and how many of those found are none."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection, text

from propspider.clock import now
from propspider.db.models.views import VIEWS
from propspider.fields.vocabulary import read_operation, read_property_type
from propspider.quality.duplicates.grouping import Pair
from propspider.quality.duplicates.queue import waiting
from propspider.quality.duplicates.refresh import READ_AT_ONCE, read_locked, search_all

COLUMNS = (
    "unique_id",
    "pid",
    "agency",
    "title",
    "address",
    "city",
    "ptype",
    "op",
    "lat",
    "lon",
    "price",
    "area",
    "beds",
    "baths",
)
PORTAL = "file"
CURRENCY = "MXN"

_EMPTIED = ("properties_live", "property_state", "manifest_sightings")
_ALIKE = (
    "duplicate_features",
    "duplicate_blocks",
    "duplicate_edges",
    "duplicate_decisions",
    "property_groups",
    "property_group_members",
)
_LIVE = (
    "property_id",
    "portal",
    "agency_name",
    "title",
    "address",
    "city",
    "property_type",
    "offers",
    "latitude",
    "longitude",
    "total_area_m2",
    "bedrooms",
    "bathrooms",
    "half_bathrooms",
    "listing_status",
    "first_seen_at",
    "scraped_at",
)
_ROWS_AT_ONCE = 10_000


class Unscorable(RuntimeError):
    """The file cannot be read as listings with their truth."""


@dataclass(frozen=True)
class Score:
    """Pairwise. `seconds`: from the open file to the result, that of what it builds on included."""

    precision: float | None
    recall: float | None
    seconds: float
    pairs: int


def measure(found: Collection[Pair], pid: dict[str, Any], seconds: float) -> Score:
    """None for the precision of no pairs, and for the recall where there is nothing to be found."""
    right = sum(pid[first] == pid[second] for first, second in found)
    true = sum(count * (count - 1) // 2 for count in Counter(pid.values()).values())
    return Score(right / len(found) if found else None, right / true if true else None, round(seconds, 2), len(found))


def pairs_within(groups: Iterable[Iterable[str]]) -> set[Pair]:
    return {pair for members in groups for pair in combinations(sorted(members), 2)}


@dataclass(frozen=True)
class Scored:
    """`review`: what is grouped and what the model would show to a person, together; None where it is not
    installed or has too little to learn from.
    """

    automatic: Score
    review: Score | None


def score_file(connection: Connection, path: Path) -> Scored:
    """Loads the file into temporary tables that hide live's for this transaction, so that the same statements work on it. The
    caller rolls back. Raises Unscorable.
    """
    from propspider.quality.duplicates import linkage

    started = monotonic()
    _hide_live(connection)
    pid = _load(connection, _listings(path))
    ids = sorted(pid)
    for start in range(0, len(ids), READ_AT_ONCE):
        read_locked(connection, ids[start : start + READ_AT_ONCE])
    search_all(connection, ids)
    grouped = pairs_within(_groups(connection))
    automatic = measure(grouped, pid, monotonic() - started)
    try:
        linkage.judge(connection)
    except (linkage.NotInstalled, linkage.TooLittle):
        return Scored(automatic, None)
    proposed = {(one.first, one.second) for one in waiting(connection)}
    return Scored(automatic, measure(grouped | proposed, pid, monotonic() - started))


def _hide_live(connection: Connection) -> None:
    connection.execute(text("SET LOCAL temp_buffers = '256MB'"))
    for name in _EMPTIED:
        connection.execute(text(f"CREATE TEMP TABLE {name} ON COMMIT DROP AS SELECT * FROM {name} WITH NO DATA"))  # noqa: S608
        connection.execute(text(f"CREATE INDEX ON pg_temp.{name} (property_id)"))
    for name in _ALIKE:
        connection.execute(text(f"CREATE TEMP TABLE {name} (LIKE {name} INCLUDING ALL) ON COMMIT DROP"))
    connection.execute(text(f"CREATE TEMP VIEW listing_spans AS {VIEWS['listing_spans']}"))


def _listings(path: Path) -> Iterator[dict[str, Any]]:
    try:
        import duckdb
    except ImportError as error:
        raise Unscorable("reading Parquet takes an extra: pip install 'propspider[linkage]'") from error

    if not path.is_file():
        raise Unscorable(f"there is no file {path}")
    try:
        with duckdb.connect() as memory:
            read = memory.execute(f"SELECT {', '.join(COLUMNS)} FROM read_parquet(?)", [str(path)])  # noqa: S608 - constants
            while rows := read.fetchmany(_ROWS_AT_ONCE):
                yield from (dict(zip(COLUMNS, row, strict=True)) for row in rows)
    except duckdb.Error as error:
        raise Unscorable(f"{path.name} is no Parquet file of listings: {str(error).splitlines()[0]}") from error


def _load(connection: Connection, listings: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The truth of each listing, which stays outside of the database."""
    pid: dict[str, Any] = {}
    moment = now()
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    columns = sql.SQL(", ").join(map(sql.Identifier, _LIVE))
    with driver.cursor() as cursor, cursor.copy(sql.SQL("COPY pg_temp.properties_live ({}) FROM STDIN").format(columns)) as copy:
        for listing in listings:
            property_id = f"{PORTAL}:{listing['unique_id']}"
            if property_id in pid or listing["pid"] is None:
                raise Unscorable(f"listing {listing['unique_id']} comes twice or without its truth")
            pid[property_id] = listing["pid"]
            copy.write_row((property_id, *_row(listing), "active", moment, moment))
    return pid


def _row(listing: dict[str, Any]) -> tuple[Any, ...]:
    operation = read_operation(listing["op"]).value
    offer = {"operation": operation, "amount": listing["price"], "currency": CURRENCY, "unit": "total"}
    baths = listing["baths"]
    return (
        PORTAL,
        None if listing["agency"] is None else str(listing["agency"]),
        listing["title"],
        listing["address"],
        listing["city"],
        read_property_type(listing["ptype"]).value,
        json.dumps([offer] if operation else []),
        listing["lat"],
        listing["lon"],
        listing["area"],
        listing["beds"],
        None if baths is None else int(baths),
        None if baths is None else round(baths % 1 * 2),
    )


def _groups(connection: Connection) -> list[list[str]]:
    members = text("SELECT array_agg(property_id) FROM property_group_members GROUP BY group_id")
    return list(connection.execute(members).scalars())
