"""One transaction a flush: nothing lost, nothing twice, the bad row alone in scraping_errors."""

import asyncio
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs
import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from propspider.db.engine import get_engine
from propspider.db.transactions import in_transaction
from propspider.evidence import VerificationBatch, VerificationItem
from propspider.items import Claim, CrawlError, ErrorType, PropertyItem
from propspider.pipelines import postgres
from propspider.sync import queue
from propspider.sync.queue import Want
from tests.builders import PORTAL, column, entry, item, listing, offer, one, page, rows, run, scalar, url_of

from .conveyor import Pipeline


def claimed(engine: Engine, pipeline: Pipeline, *numbers: int) -> list[Claim]:
    with engine.begin() as connection:
        wants = [Want(listing(number), url_of(listing(number)), "new_property") for number in numbers]
        queue.enqueue(connection, PORTAL, wants)
        found = queue.claim(connection, PORTAL, batch=len(numbers), worker="w", session_id=pipeline.session.id, lease_seconds=60)
    return sorted((row.claim for row in found), key=lambda claim: claim.property_id)


def statuses(engine: Engine) -> dict[str, str]:
    return {row["property_id"]: row["status"] for row in rows(engine, "SELECT * FROM scrape_queue")}


def errors(engine: Engine) -> list[tuple[str, str | None]]:
    return [(row["error_type"], row["property_id"]) for row in rows(engine, "SELECT * FROM scraping_errors ORDER BY id")]


def stored(engine: Engine) -> list[str]:
    return column(engine, "SELECT property_id FROM properties_live ORDER BY property_id")


def test_a_batch_is_stored_and_counted_once(engine: Engine, pipeline: Pipeline) -> None:
    claims = claimed(engine, pipeline, 1, 2)
    pipeline.store(*(attrs.evolve(item(claim.property_id), claim=claim) for claim in claims))
    assert stored(engine) == [listing(1), listing(2)]
    assert set(statuses(engine).values()) == {"completed"}
    assert scalar(engine, "SELECT count(DISTINCT xmin::text) FROM properties_live") == 1
    metadata = one(engine, "SELECT * FROM sync_metadata")
    assert (metadata["stored_properties"], metadata["new_properties"], metadata["data_quality_score"]) == (2, 2, Decimal("0.80"))
    assert (pipeline.stat("stored"), pipeline.stat("new"), pipeline.stat("flushes")) == (2, 2, 1)


def test_an_empty_flush_is_none(engine: Engine, pipeline: Pipeline) -> None:
    pipeline.store()
    assert pipeline.stat("flushes") == 0


def test_what_is_not_ours_passes(engine: Engine, pipeline: Pipeline) -> None:
    pipeline.store({"some": "thing"})
    assert pipeline.stat("flushes") == 0


def test_a_crawl_that_only_shows_stores_nothing(engine: Engine, pipeline: Pipeline) -> None:
    pipeline.spider.stores = False
    pipeline.store(item(1))
    assert stored(engine) == []


def test_a_reject_is_an_error_row_with_its_raw_item_and_costs_an_attempt(engine: Engine, pipeline: Pipeline) -> None:
    first, second = claimed(engine, pipeline, 1, 2)
    pipeline.store(attrs.evolve(item(1, title=None), claim=first), attrs.evolve(item(2), claim=second))
    assert stored(engine) == [listing(2)]
    error = one(engine, "SELECT * FROM scraping_errors")
    assert (error["error_type"], error["message"], error["raw_item"]["bedrooms"]) == ("validation", "title is missing", 3)
    row = one(engine, "SELECT * FROM scrape_queue WHERE property_id = :id", id=listing(1))
    assert (row["status"], row["attempt_count"], row["last_error"]) == ("pending", 1, "validation: title is missing")
    assert row["not_before"] is not None
    metadata = one(engine, "SELECT * FROM sync_metadata")
    assert (metadata["rejected_properties"], metadata["total_scraped"], metadata["completeness_rate"]) == (1, 2, Decimal("0.50"))
    assert scalar(engine, "SELECT last_attempt_at FROM property_state WHERE property_id = :id", id=listing(1)) is not None


def test_a_block_costs_no_attempt(engine: Engine, pipeline: Pipeline) -> None:
    (claim,) = claimed(engine, pipeline, 1)
    pipeline.store(CrawlError(portal=PORTAL, error_type=ErrorType.BLOCKED, message="wall", claim=claim))
    assert one(engine, "SELECT status, attempt_count FROM scrape_queue") == {"status": "pending", "attempt_count": 0}


def nul_in_a_url(read: PropertyItem) -> PropertyItem:
    return attrs.evolve(read, video_url="https://video.example.com/\x00")


def nul_in_json(read: PropertyItem) -> PropertyItem:
    return attrs.evolve(read, image_urls=("https://images.example.com/\x00",))


def lone_surrogate(read: PropertyItem) -> PropertyItem:
    return attrs.evolve(read, agent_email="\ud800@example.com")


def too_large_an_integer(read: PropertyItem) -> PropertyItem:
    return attrs.evolve(read, floor_number=10**10)


def too_large_an_area(read: PropertyItem) -> PropertyItem:
    return attrs.evolve(read, total_area_m2=Decimal(10**12))


def too_large_a_price(read: PropertyItem) -> PropertyItem:
    return attrs.evolve(read, offers=(offer("1e14"),))


def too_many_digits(read: PropertyItem) -> PropertyItem:
    return attrs.evolve(read, offers=(offer("1e40"),))


def no_json_number(read: PropertyItem) -> PropertyItem:
    return attrs.evolve(read, amenities={"Exterior": [float("nan")]})


HOSTILE = [
    nul_in_a_url,
    nul_in_json,
    lone_surrogate,
    too_large_an_integer,
    too_large_an_area,
    too_large_a_price,
    too_many_digits,
    no_json_number,
]


@pytest.mark.parametrize("spoil", HOSTILE, ids=lambda spoil: spoil.__name__)
def test_one_value_that_cannot_be_stored_costs_its_own_item_only(
    engine: Engine, pipeline: Pipeline, spoil: Callable[[PropertyItem], PropertyItem]
) -> None:
    claims = claimed(engine, pipeline, *range(5))
    batch = [attrs.evolve(item(claim.property_id), claim=claim) for claim in claims]
    batch[3] = spoil(batch[3])
    pipeline.store(*batch)
    assert stored(engine) == [listing(number) for number in (0, 1, 2, 4)]
    assert errors(engine) == [("store", listing(3))]
    assert scalar(engine, "SELECT raw_item->>'title' FROM scraping_errors") == "A house"
    assert {name: status for name, status in statuses(engine).items() if status != "completed"} == {listing(3): "pending"}
    assert scalar(engine, "SELECT stored_properties FROM sync_metadata") == 4
    assert (pipeline.stat("stored"), pipeline.stat("errors")) == (4, 1)


@pytest.mark.parametrize(
    "bad",
    [
        entry(2, source_url="https://www.pincali.com/\x00"),
        entry(2, source_url="https://www.pincali.com/\ud800"),
        entry(2, offer("1e14")),
        entry(2, internal_id="7\x00"),
        entry(2, property_type=attrs.evolve(offer(1)).kind),
    ],
    ids=["nul", "surrogate", "price", "id", "vocabulary"],
)
def test_one_card_that_cannot_be_stored_costs_its_own_entry_only(engine: Engine, pipeline: Pipeline, bad: Any) -> None:
    pipeline.store(page(entry(1), bad, entry(3), cards=3), page(entry(4), number=2, minute=1))
    assert column(engine, "SELECT property_id FROM property_manifest ORDER BY 1") == [listing(1), listing(3), listing(4)]
    error = one(engine, "SELECT * FROM scraping_errors")
    assert (error["error_type"], error["property_id"], error["scope"], error["page"]) == ("store", listing(2), "sale", 1)
    sweep = one(engine, "SELECT * FROM sweeps")
    assert (sweep["pages_fetched"], sweep["cards"], sweep["entries"], sweep["pages_failed"]) == (2, 4, 3, 0)
    assert len(rows(engine, "SELECT * FROM sweep_pages")) == 2
    metadata = one(engine, "SELECT * FROM sync_metadata")
    assert (metadata["new_properties"], metadata["queued_properties"]) == (3, 3)
    assert one(engine, "SELECT pages_fetched, error_count FROM scraping_sessions") == {"pages_fetched": 2, "error_count": 1}
    assert column(engine, "SELECT DISTINCT property_id FROM property_state ORDER BY 1") == [listing(n) for n in (1, 3, 4)]


def test_a_page_that_itself_cannot_be_stored_is_an_error_row(engine: Engine, pipeline: Pipeline) -> None:
    pipeline.store(page(url="https://www.pincali.com/\x00", stated_total=0), page(entry(1), number=2))
    assert column(engine, "SELECT property_id FROM property_manifest") == [listing(1)]
    assert errors(engine) == [("store", None)]


def test_an_error_that_cannot_be_stored_is_replaced_by_one_that_can(engine: Engine, pipeline: Pipeline) -> None:
    (claim,) = claimed(engine, pipeline, 1)
    bad = CrawlError(portal=PORTAL, error_type=ErrorType.GONE, message="gone", status=10**12, claim=claim)
    pipeline.store(bad, item(2))
    assert stored(engine) == [listing(2)]
    assert errors(engine) == [("store", listing(1))]
    assert statuses(engine) == {listing(1): "pending"}


# --- the buffer ---


def test_a_full_buffer_is_flushed_at_once(engine: Engine, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "ENTRIES_PER_FLUSH", 3)

    async def feed() -> list[int]:
        seen = []
        for number in range(4):
            await pipeline.put(item(number))
            seen.append(len(stored(engine)))
        await pipeline.postgres.close_spider()
        return seen

    assert asyncio.run(feed()) == [0, 0, 3, 3]
    assert len(stored(engine)) == 4


@pytest.mark.parametrize("first", [item(1), page(entry(1))], ids=["item", "page"])
def test_a_buffer_that_waits_is_flushed_by_the_clock(
    engine: Engine, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, first: Any
) -> None:
    monkeypatch.setattr(postgres, "ITEMS_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(postgres, "PAGES_WAIT_SECONDS", 0.01)

    async def feed() -> None:
        await pipeline.put(first)
        async with asyncio.timeout(20):
            while not pipeline.stat("flushes"):
                await asyncio.sleep(0)

    asyncio.run(feed())
    assert column(engine, "SELECT property_id FROM property_state") == [listing(1)]


# --- the server ---


OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def test_a_connection_that_was_lost_is_tried_once_more(engine: Engine, pipeline: Pipeline) -> None:
    pipeline.store(item(1))
    run(engine, f"SELECT pg_terminate_backend(pid) {OTHERS}")
    pipeline.store(item(2))
    assert stored(engine) == [listing(1), listing(2)]


def lose_connections(engine: Engine, *, at: str, times: int) -> None:
    """The server ends the connections of the first so many statements that do this to a table. What a sequence has told stays
    told when its transaction does not.
    """
    run(engine, "CREATE SEQUENCE lost")
    run(
        engine,
        "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF nextval('lost') <= {times} THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NULL; END $$",
    )
    run(engine, f"CREATE TRIGGER lose BEFORE {at} FOR EACH STATEMENT EXECUTE FUNCTION lose()")


@pytest.mark.parametrize("at", ["UPDATE ON scrape_queue", "INSERT ON property_state", "INSERT ON property_changes"])
def test_work_interrupted_by_a_lost_connection_is_done_once(engine: Engine, pipeline: Pipeline, at: str) -> None:
    claims = claimed(engine, pipeline, 1)
    lose_connections(engine, at=at, times=1)
    pipeline.store(attrs.evolve(item(1), claim=claims[0]))
    assert scalar(engine, "SELECT last_value FROM lost") > 1
    assert stored(engine) == [listing(1)]
    assert len(rows(engine, "SELECT * FROM property_changes")) == 1
    assert statuses(engine) == {listing(1): "completed"}


def test_a_server_that_stays_away_loses_the_batch_and_acknowledges_nothing(engine: Engine, pipeline: Pipeline) -> None:
    (claim,) = claimed(engine, pipeline, 1)
    lose_connections(engine, at="INSERT ON property_state", times=10**9)
    pipeline.store(attrs.evolve(item(1), claim=claim))
    run(engine, "DROP TRIGGER lose ON property_state")
    pipeline.store(item(2))
    assert (stored(engine), errors(engine), statuses(engine)) == ([], [], {listing(1): "in_progress"})
    assert pipeline.stat("stored") == 0
    assert pipeline.stat("lost") == 1


def test_a_schema_that_changed_under_the_crawl_loses_the_batch_and_says_so(engine: Engine, pipeline: Pipeline) -> None:
    (claim,) = claimed(engine, pipeline, 1)
    run(engine, "ALTER TABLE property_state RENAME TO somewhere_else")
    pipeline.store(attrs.evolve(item(1), claim=claim))
    assert pipeline.stat("lost") == 1
    assert statuses(engine) == {listing(1): "in_progress"}


def test_a_server_that_turned_read_only_loses_the_batch_and_says_so(engine: Engine, pipeline: Pipeline) -> None:
    with get_engine().connect() as connection:
        name = connection.execute(sa.text("SELECT current_database()")).scalar_one()
    run(engine, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    get_engine().dispose()
    pipeline.store(item(1))
    assert pipeline.stat("lost") == 1
    assert stored(engine) == []


# --- writers at once ---


def test_flushes_that_would_deadlock_are_retried_and_both_stored(engine: Engine) -> None:
    """Two transactions that lock the same two rows in opposite orders, made to meet in the middle."""
    run(engine, "CREATE TABLE counter (id int PRIMARY KEY, n int NOT NULL DEFAULT 0)")
    run(engine, "INSERT INTO counter VALUES (1), (2)")
    meet = threading.Barrier(2)
    tries: list[int] = []

    def work(order: tuple[int, int]) -> Callable[[Connection], None]:
        def body(connection: Connection) -> None:
            tries.append(order[0])
            for position, number in enumerate(order):
                connection.execute(sa.text("UPDATE counter SET n = n + 1 WHERE id = :id"), {"id": number})
                if position == 0 and len(tries) <= 2:
                    meet.wait(timeout=20)

        return body

    threads = [threading.Thread(target=in_transaction, args=(engine, work(order))) for order in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert column(engine, "SELECT n FROM counter ORDER BY id") == [2, 2]
    # The one that is told to try again may meet the other once more.
    assert len(tries) >= 3


def test_flushes_of_the_same_listings_at_once_agree_with_history(engine: Engine, pipeline: Pipeline) -> None:
    """Each brings other prices: whoever comes last has the history of its own step."""

    def bring(minute: int) -> None:
        flush = postgres._Flush(engine, pipeline.spider)
        for step in range(4):
            batch = [item(number, offer(1000 + minute * 10 + step), minute=minute + step) for number in range(6)]
            flush.store(batch if minute % 2 else batch[::-1])

    threads = [threading.Thread(target=bring, args=(minute,)) for minute in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    for number in range(6):
        steps = rows(
            engine,
            "SELECT old_value, new_value FROM property_changes WHERE property_id = :id AND field_name = 'price' ORDER BY id",
            id=listing(number),
        )
        created = scalar(
            engine,
            "SELECT new_value->'price' FROM property_changes WHERE property_id = :id AND change_type = 'created'",
            id=listing(number),
        )
        told = [created, *(step["new_value"] for step in steps)]
        assert [step["old_value"] for step in steps] == told[:-1]
        price = scalar(engine, "SELECT price FROM properties_live WHERE property_id = :id", id=listing(number))
        assert told[-1] == price
        # Minute 6 is seen by one of them alone.
        assert price == 1033


def test_a_batch_of_verified_listings_is_stored_at_once(engine: Engine, pipeline: Pipeline) -> None:
    async def put() -> None:
        await pipeline.put(VerificationBatch(PORTAL, (), ()))

    asyncio.run(put())
    assert scalar(engine, "SELECT verdict FROM verification_batches") == "void"


def test_a_batch_that_cannot_be_stored_is_an_error_row(engine: Engine, pipeline: Pipeline) -> None:
    bad = VerificationItem(Claim(1, 1, "pincali:EB-\x00"))
    pipeline.store(VerificationBatch(PORTAL, (bad,), ()), item(1))
    assert column(engine, "SELECT error_type FROM scraping_errors") == ["store"]
    assert column(engine, "SELECT property_id FROM properties_live") == [listing(1)]
