"""Keeps features, edges and groups in step with live: a batch of changed listings at a time, and all of them at night."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, Engine, select, text

from propspider.db.models import PropertyLive
from propspider.db.transactions import in_transaction
from propspider.quality.duplicates import statement
from propspider.quality.duplicates.groups import Regrouped, regroup, settle
from propspider.quality.duplicates.pairs import find_edges, read_features

LOCK = 7_310_010
"""Of the transaction: what hangs together may reach from any batch into any other."""
READ_AT_ONCE = 5000
WORK_MEMORY = "256MB"
"""For the search among all listings, which sorts and hashes them once."""


@dataclass(frozen=True)
class Refreshed:
    """`changed`: listings of which something that is compared is new."""

    listings: int
    changed: int
    groups: Regrouped


def lock(connection: Connection) -> None:
    """Waits for whoever is grouping; held until the transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    # A plan made for any batch looks up listings one by one, whether one was given or a million.
    connection.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))


def refresh(connection: Connection, property_ids: Collection[str]) -> Refreshed:
    """After live rows were written: finds and groups what they are duplicates of now. In a transaction of its own, so that a
    promotion does not wait for it; the caller commits. What has not changed costs no search.
    """
    lock(connection)
    changed = read_features(connection, sorted(property_ids))
    groups = regroup(connection, find_edges(connection, changed)) if changed else Regrouped((), ())
    return Refreshed(len(property_ids), len(changed), groups)


def rebuild(engine: Engine) -> Refreshed:
    """All listings: what changed without a promotion (a status, other rules) is found too. Commits; features in batches, then one
    search.
    """
    ids, changed = read_all(engine)
    return in_transaction(engine, lambda connection: Refreshed(len(ids), changed, search_all(connection, ids)))


def read_all(engine: Engine) -> tuple[list[str], int]:
    """All listings, and how many of them have something new that is compared. Commits, batch by batch."""
    ids: list[str] = []
    changed = 0
    for some in _batches(engine):
        ids += some
        changed += len(in_transaction(engine, partial(read_locked, property_ids=some)))
    return ids, changed


def search_all(connection: Connection, property_ids: list[str]) -> Regrouped:
    """Finds and groups all duplicates of what has been read. The caller commits."""
    lock(connection)
    prepare(connection)
    connection.execute(text("ANALYZE duplicate_features, duplicate_blocks"))
    gone = list(connection.execute(statement("features_clear")).scalars())
    if gone:
        connection.execute(statement("blocks_clear"), {"property_ids": gone})
    find_edges(connection, property_ids, are_all=True)
    return settle(connection, [*property_ids, *gone])


def prepare(connection: Connection) -> None:
    """The transaction, for a search among all listings."""
    connection.execute(text("SELECT set_config('work_mem', :size, true)"), {"size": WORK_MEMORY})


def read_locked(connection: Connection, property_ids: list[str]) -> list[str]:
    """As pairs.read_features, with the lock."""
    lock(connection)
    return read_features(connection, property_ids)


def _batches(engine: Engine) -> Iterator[list[str]]:
    last = ""
    key = PropertyLive.property_id
    while True:
        with engine.connect() as connection:
            some = list(connection.execute(select(key).where(key > last).order_by(key).limit(READ_AT_ONCE)).scalars())
        if not some:
            return
        yield some
        last = some[-1]
