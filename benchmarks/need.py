"""Listings in need, made by the server, and what a detail spider does with its queue."""

import uuid
from datetime import UTC, datetime
from time import perf_counter

from sqlalchemy import Connection, Engine, text

from benchmarks.ground import PORTAL, maintain
from propspider.sync import queue, statement
from propspider.sync.queue import QueuedProperty

SESSION = uuid.UUID(int=7)
LEASE_SECONDS = 3600.0

_MANIFEST = """
INSERT INTO property_manifest (property_id, portal, source_url, listing_page_title, property_type, first_seen_at, observed_at)
SELECT 'pincali:EB-N' || g, 'pincali', 'https://www.pincali.com/en/home/house-number-' || g, 'House number ' || g, 'house',
       now(), now()
FROM generate_series(1, :count) g
"""
_STATE = """
INSERT INTO property_state (property_id, portal, created_at)
SELECT 'pincali:EB-N' || g, 'pincali', now() - interval '30 days' + g * interval '1 millisecond' FROM generate_series(1, :count) g
"""


def put_in_need(engine: Engine, count: int) -> None:
    """Seen in the manifest, never fetched; the window is full afterwards."""
    with engine.begin() as connection:
        connection.execute(text(_MANIFEST), {"count": count})
        connection.execute(text(_STATE), {"count": count})
    maintain(engine, "property_manifest", "property_state")
    refill(engine)


def refill(engine: Engine) -> None:
    """A fresh, full window."""
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE scrape_queue"))
        queue.top_up(connection, PORTAL)
    maintain(engine, "scrape_queue", "property_state")


def claim(connection: Connection, batch: int) -> list[QueuedProperty]:
    return queue.claim(connection, PORTAL, batch=batch, worker="bench", session_id=SESSION, lease_seconds=LEASE_SECONDS)


def claim_seconds(engine: Engine, *, batch: int, times: int) -> list[float]:
    """Of one worker's claims alone: what their commits take is the disk's affair. The rows are settled, unmeasured."""
    taken = []
    worker = queue.Claimer(PORTAL, worker="bench", session_id=SESSION, lease_seconds=LEASE_SECONDS)
    with engine.connect() as connection:
        for _ in range(times):
            started = perf_counter()
            rows = worker.claim(connection, batch)
            taken.append(perf_counter() - started)
            if len(rows) != batch:
                raise RuntimeError(f"a claim of {batch} brought {len(rows)} rows")
            store(connection, rows)
            connection.commit()
    return taken


def store(connection: Connection, rows: list[QueuedProperty]) -> None:
    """What a flush of detail pages does to need and queue."""
    now = datetime.now(UTC)
    ids = [row.claim.property_id for row in rows]
    connection.execute(statement("state_stamp"), {"property_ids": ids, "hashes": [None] * len(ids), "observed": [now] * len(ids)})
    queue.complete(connection, [(row.claim, now) for row in rows])


def settle(engine: Engine, count: int, *, batch: int = 1000) -> None:
    """Claims, stores and tops up until `count` listings are settled."""
    with engine.connect() as connection:
        for _ in range(count // batch):
            store(connection, claim(connection, batch))
            connection.commit()
            queue.top_up(connection, PORTAL)
            connection.commit()
