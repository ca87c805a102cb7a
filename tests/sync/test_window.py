"""Need is state, the queue is a window over it."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from propspider.sync import queue
from propspider.sync.queue import STEPS, Failure, Want
from tests.builders import PORTAL, at, entry, item, listing, one, page, rows, run, scalar, url_of
from tests.sync.steps import claim, flush_items, flush_pages


def pending(engine: Engine, reason: str | None = None) -> int:
    return int(
        scalar(
            engine,
            "SELECT count(*) FROM scrape_queue WHERE status = 'pending'"
            " AND (CAST(:reason AS text) IS NULL OR queue_reason = :reason)",
            reason=reason,
        )
    )


def top_up(engine: Engine, **options: object) -> int:
    with engine.begin() as connection:
        return queue.top_up(connection, PORTAL, **options)  # type: ignore[arg-type]


def need(engine: Engine, new: int, *, first: int = 1) -> None:
    """`new` listings that the manifest knows and nobody has fetched."""
    run(
        engine,
        """
        WITH ids AS (SELECT 'pincali:EB-NN' || i AS id, now() - make_interval(secs => 1000000 - i) AS at
                     FROM generate_series(CAST(:first AS int), :last) i),
             cards AS (INSERT INTO property_manifest (property_id, portal, source_url, first_seen_at, observed_at)
                       SELECT id, 'pincali', 'https://www.pincali.com/en/home/' || id, at, at FROM ids)
        INSERT INTO property_state (property_id, portal, created_at) SELECT id, 'pincali', at FROM ids
        """,
        first=first,
        last=first + new - 1,
    )


def test_the_window_never_holds_more_than_its_ceiling_and_loses_nobody(engine: Engine) -> None:
    need(engine, 130)
    fetched: set[str] = set()
    while added := top_up(engine, ceiling=50):
        assert pending(engine) <= 50
        assert added <= 50
        for row in claim(engine, batch=50):
            fetched.add(row.claim.property_id)
            flush_items(engine, item(row.claim.property_id, claim=row.claim))
    assert len(fetched) == 130
    assert pending(engine) == 0


def test_older_need_goes_first(engine: Engine) -> None:
    need(engine, 30)
    top_up(engine, ceiling=10)
    expected = {f"pincali:EB-NN{number}" for number in range(1, 11)}
    assert {row["property_id"] for row in rows(engine, "SELECT property_id FROM scrape_queue")} == expected


def test_a_first_load_does_not_keep_price_moves_and_stale_listings_out(engine: Engine) -> None:
    for number in range(1, 31):
        flush_items(engine, item(number, minute=0))
    run(
        engine,
        "UPDATE property_state SET price_moved_at = observed_at + interval '1 hour' WHERE property_id <= :last",
        last=listing(15),
    )
    need(engine, 500)
    added = top_up(engine, ceiling=100, stale_before=at(60))
    assert added == 100
    by_reason = {
        row["queue_reason"]: row["n"] for row in rows(engine, "SELECT queue_reason, count(*) n FROM scrape_queue GROUP BY 1")
    }
    assert by_reason == {"new_property": 80, "price_change": 15, "stale_data": 5}


def test_a_sample_takes_live_listings_that_nothing_else_asks_for(engine: Engine) -> None:
    for number in range(1, 11):
        flush_items(engine, item(number))
    assert top_up(engine, sample=4) == 4
    assert pending(engine, "random_sample") == 4


def test_on_demand_work_passes_a_full_window(engine: Engine) -> None:
    need(engine, 40)
    top_up(engine, ceiling=20)
    flush_items(engine, item(1))
    with engine.begin() as connection:
        assert queue.want_now(connection, PORTAL, listing(1))
    assert top_up(engine, ceiling=20) == 0
    assert claim(engine, batch=1)[0].claim.property_id == "pincali:EB-NN1" or pending(engine, "on_demand") == 1
    assert pending(engine) == 20


def test_two_processes_do_not_fill_the_window_twice(engine: Engine) -> None:
    need(engine, 100)
    with engine.begin() as first, engine.begin() as second:
        assert queue.top_up(first, PORTAL, ceiling=60) == 60
        assert queue.top_up(second, PORTAL, ceiling=60) == 0


@pytest.mark.parametrize("priority", sorted(STEPS))
def test_the_database_knows_the_same_steps(engine: Engine, priority: int) -> None:
    assert scalar(engine, "SELECT queue_step(:priority)", priority=priority) == STEPS[priority]


def test_no_row_yields_for_longer_than_its_step(engine: Engine) -> None:
    """A sample queued eight days ago goes before a new listing of now; one queued six days ago does not."""
    with engine.begin() as connection:
        queue.enqueue(
            connection,
            PORTAL,
            [
                Want(listing(n), url_of(listing(n)), reason)
                for n, reason in ((1, "random_sample"), (2, "random_sample"), (3, "new_property"))
            ],
        )
    for number, age in ((1, timedelta(days=8)), (2, timedelta(days=6))):
        run(
            engine,
            "UPDATE scrape_queue SET queued_at = queued_at - :age, claim_key = claim_key - :age WHERE property_id = :id",
            age=age,
            id=listing(number),
        )
    assert [row.claim.property_id for row in claim(engine, batch=3)] == [listing(1), listing(3), listing(2)]


def test_a_signal_for_a_page_in_progress_is_not_swallowed(engine: Engine) -> None:
    flush_pages(engine, page(entry(1)))
    (row,) = claim(engine)
    with engine.begin() as connection:
        queue.want_now(connection, PORTAL, listing(1))
    flush_items(engine, item(1, minute=0, claim=row.claim))
    reopened = one(engine, "SELECT status, wanted_at, lease_until FROM scrape_queue")
    assert reopened == {"status": "pending", "wanted_at": None, "lease_until": None}


def test_a_signal_that_the_fetched_page_already_answers_opens_nothing(engine: Engine) -> None:
    flush_pages(engine, page(entry(1)))
    (row,) = claim(engine)
    run(engine, "UPDATE scrape_queue SET wanted_at = :wanted", wanted=at(10))
    flush_items(engine, item(1, minute=20, claim=row.claim))
    assert scalar(engine, "SELECT status FROM scrape_queue") == "completed"


def test_a_price_that_moves_while_the_page_is_fetched_is_asked_for_again(engine: Engine) -> None:
    from tests.builders import offer

    flush_pages(engine, page(entry(1, offer(100_000))))
    (row,) = claim(engine)
    flush_items(engine, item(1, offer(100_000), minute=1, claim=row.claim))
    flush_pages(engine, page(entry(1, offer(140_000)), minute=5))
    (again,) = claim(engine)
    flush_pages(engine, page(entry(1, offer(150_000)), minute=10))
    flush_items(engine, item(1, offer(140_000), minute=6, claim=again.claim))
    assert top_up(engine) == 1


def test_dead_letters_are_no_need_until_they_are_requeued_or_the_price_moves(engine: Engine) -> None:
    flush_pages(engine, page(entry(1)))
    for _ in range(3):
        (row,) = claim(engine)
        with engine.begin() as connection:
            queue.fail(connection, [Failure(row.claim, "gone: status 404")])
        run(engine, "UPDATE scrape_queue SET not_before = NULL WHERE status = 'pending'")
    assert scalar(engine, "SELECT status FROM scrape_queue") == "failed"
    assert top_up(engine) == 0
    with engine.begin() as connection:
        assert queue.requeue(connection, PORTAL) == 1
    assert pending(engine) == 1


def test_what_is_not_worth_a_request_any_more_is_cancelled(engine: Engine) -> None:
    flush_pages(engine, page(entry(1), entry(2)))
    (row,) = claim(engine, batch=1)
    with engine.begin() as connection:
        assert queue.cancel(connection, [listing(1), listing(2)], reason="removed") == 1
    left = {r["property_id"]: r["status"] for r in rows(engine, "SELECT property_id, status FROM scrape_queue")}
    assert left[row.claim.property_id] == "in_progress"
    assert sorted(left.values()) == ["cancelled", "in_progress"]


def test_a_claim_and_a_refill_stay_quick_with_a_hundred_thousand_in_need(engine: Engine) -> None:
    """By plan, not by clock: neither may scan the whole of what is in need."""
    need(engine, 100_000)
    run(engine, "ANALYZE property_state")
    run(engine, "ANALYZE property_manifest")
    top_up(engine)
    assert pending(engine) == queue.CEILING
    plan = _plan(
        engine,
        "SELECT s.property_id FROM property_state s WHERE s.portal = 'pincali' AND s.observed_at IS NULL"
        " AND s.given_up_at IS NULL ORDER BY s.created_at LIMIT 1000",
    )
    assert "ix_property_state_new" in plan
    run(engine, "ANALYZE scrape_queue")
    plan = _plan(
        engine,
        "SELECT id FROM scrape_queue WHERE status = 'pending' AND not_before IS NULL AND portal = 'pincali'"
        " AND kind = 'detail' ORDER BY claim_key LIMIT 50 FOR UPDATE SKIP LOCKED",
    )
    assert "ix_scrape_queue_ready" in plan


def _plan(engine: Engine, query: str) -> str:
    with engine.connect() as connection:
        return "\n".join(connection.execute(sa.text(f"EXPLAIN {query}")).scalars())
