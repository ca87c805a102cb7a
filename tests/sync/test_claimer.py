"""A worker goes on where its last claim ended, and looks from the head again soon enough."""

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from propspider.sync import queue
from propspider.sync.queue import Claimer, QueuedProperty, Want
from tests.builders import PORTAL, listing, run, url_of


def enqueue(engine: Engine, *numbers: int, reason: queue.Reason = "price_change") -> None:
    with engine.begin() as connection:
        queue.enqueue(connection, PORTAL, [Want(listing(n), url_of(listing(n)), reason) for n in numbers])


def claimer() -> Claimer:
    return Claimer(PORTAL, worker="w", session_id=None, lease_seconds=60)


def take(engine: Engine, worker: Claimer, batch: int) -> list[str]:
    with engine.begin() as connection:
        return names(worker.claim(connection, batch))


def names(rows: list[QueuedProperty]) -> list[str]:
    return [row.claim.property_id for row in rows]


def test_every_row_is_claimed_once_in_order(engine: Engine) -> None:
    for number in range(1, 8):
        enqueue(engine, number)
    worker = claimer()
    taken = [take(engine, worker, 3) for _ in range(4)]
    assert taken == [[listing(n) for n in batch] for batch in ((1, 2, 3), (4, 5, 6), (7,), ())]


def test_what_is_more_urgent_waits_until_the_worker_looks_from_the_head(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    enqueue(engine, *range(1, 10))
    worker = claimer()
    take(engine, worker, 2)
    enqueue(engine, 50, reason="new_property")
    assert listing(50) not in take(engine, worker, 2)
    monkeypatch.setattr(queue.time, "monotonic", lambda: 1e12)
    assert take(engine, worker, 2)[0] == listing(50)


def test_a_short_claim_looks_from_the_head_at_once(engine: Engine) -> None:
    enqueue(engine, 1, 2)
    worker = claimer()
    take(engine, worker, 1)
    enqueue(engine, 50, reason="new_property")
    assert take(engine, worker, 2) == [listing(2), listing(50)]


def test_an_ended_lease_is_seen_from_the_head(engine: Engine) -> None:
    enqueue(engine, 1, 2)
    worker = claimer()
    take(engine, worker, 1)
    run(engine, "UPDATE scrape_queue SET lease_until = clock_timestamp() - interval '1 s' WHERE status = 'in_progress'")
    assert sorted(take(engine, worker, 2)) == [listing(1), listing(2)]


def test_the_walk_begins_at_the_last_claim(engine: Engine) -> None:
    """By plan: the lower bound is a condition of the index, not a filter over what precedes it."""
    text = str(sa.text("EXPLAIN SELECT id FROM scrape_queue WHERE status = 'pending' AND not_before IS NULL AND portal = 'p'"))
    with engine.connect() as connection:
        connection.execute(sa.text("SET enable_seqscan = off"))
        bound = " AND kind = 'detail' AND claim_key >= coalesce(now(), '-infinity') ORDER BY claim_key LIMIT 5"
        plan = "\n".join(connection.execute(sa.text(text + bound)).scalars())
    assert "claim_key >=" in plan.partition("Index Cond")[2].partition("\n")[0]
