"""Listings and offers that complete sweeps missed: cases are opened, their listings are to be asked for. The caller commits."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row

from propspider.evidence import SWEEP_WEIGHT, SWEEPS_AT_MOST
from propspider.items import Operation
from propspider.sync import aliases, queue, statement
from propspider.sync.locks import lock_listings
from propspider.sync.statuses import set_status

REASON = "missing from complete sweeps"


def open_cases(
    connection: Connection,
    portal: str,
    *,
    min_missing: int,
    scopes: Mapping[str, Operation],
    session_id: uuid.UUID | None = None,
    limit: int | None = None,
) -> int:
    """How many listings became likely_removed. Run when sweeps were judged and before listings are verified; a second run
    finds nothing more.

    `scopes`: the portal's, each with its operation. A listing is missing when `min_missing` COMPLETE sweeps missed it in every
    one where it was ever seen; one that another scope still shows has lost an offer at most, and its detail page is asked for.
    `limit`: at most so many at once, None = all. Each keeps its row locked until the caller commits, a millisecond apiece.
    """
    walks = {
        "portal": portal,
        "min_missing": min_missing,
        "scopes": list(scopes),
        "operations": [operation.value for operation in scopes.values()],
        "limit": limit,
    }
    suspects = [row.property_id for name in _SUSPECTS for row in _found(connection, name, walks, None)]
    opened = 0
    if suspects:
        ids = lock_listings(connection, portal, suspects)
        # Looked for again under the locks: a page that was stored meanwhile may show them.
        _miss_offers(connection, portal, _found(connection, "offers_missing", walks, ids))
        opened = _open(connection, portal, list(scopes), _found(connection, "removals_missing", walks, ids), session_id)
    enqueue_open_cases(connection, portal)
    aliases.propose(connection, portal)
    return opened


def enqueue_open_cases(connection: Connection, portal: str) -> int:
    """How many open cases got a row to be verified by; those that have one, or were given up since the last sweep, are left."""
    parameters = {"portal": portal, "priority": queue.PRIORITY["verification"]}
    return len(connection.execute(statement("removals_enqueue"), parameters).all())


_SUSPECTS = ("offers_missing", "removals_missing")


def _found(connection: Connection, name: str, walks: Mapping[str, object], ids: Sequence[str] | None) -> Sequence[Row[Any]]:
    return connection.execute(statement(name), {**walks, "property_ids": ids}).all()


def _open(
    connection: Connection, portal: str, walked: Sequence[str], missing: Sequence[Row[Any]], session_id: uuid.UUID | None
) -> int:
    opened = connection.execute(
        statement("removals_open"),
        {
            "portal": portal,
            "walked": walked,
            "sweep_weight": SWEEP_WEIGHT,
            "sweeps_at_most": SWEEPS_AT_MOST,
            "property_ids": [row.property_id for row in missing],
            "scopes": [row.scope for row in missing],
        },
    )
    observed = {row.property_id: row.observed_at for row in opened}
    set_status(connection, "likely_removed", observed, session_id=session_id, reason=REASON)
    queue.cancel(connection, list(observed), reason="to be verified", kind="detail", keep="on_demand")
    return len(observed)


def _miss_offers(connection: Connection, portal: str, rows: Sequence[Row[Any]]) -> None:
    missed = [row for row in rows if not row.is_missed]
    if missed:
        connection.execute(
            statement("offers_miss"),
            {
                "source": "sweep",
                "property_ids": [row.property_id for row in missed],
                "operations": [row.operation for row in missed],
                "units": [row.unit for row in missed],
                "observed": [row.missed_at for row in missed],
            },
        )
        connection.execute(statement("state_forget_hash"), {"property_ids": [row.property_id for row in missed]})
    queue.enqueue(connection, portal, [queue.Want(row.property_id, row.source_url, "verification") for row in rows])
