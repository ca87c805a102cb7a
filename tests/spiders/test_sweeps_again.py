"""Two sweeps of one scope at once, sweeps that were killed or superseded, and runs that were taken over."""

from collections import Counter

from aiohttp import web
from sqlalchemy import Engine

from propspider.lab.world import World
from tests.builders import column, one, rows, run, scalar

from .crawling import SECONDS, start
from .served import Answer, Fault, Gate, laboratory
from .sweeping import (
    ONE_AT_A_TIME,
    SALE,
    WORLD,
    for_sale,
    sale,
    scan,
)


def listing_gate(free: int) -> tuple[Gate, Fault]:
    gate = Gate(free=free)

    def hold(request: web.Request) -> Answer | None:
        if request.path != SALE or gate.opened.is_set():
            return None
        gate.passed += 1
        return gate.hold if gate.passed > gate.free else None

    return gate, hold


def test_two_sweeps_of_one_scope_at_once_are_one(engine: Engine, database_url: str) -> None:
    gate, hold = listing_gate(1)
    with laboratory(WORLD, fault=hold) as lab:
        first = start("manifest", "scope=sale", database_url=database_url, base_url=lab.base_url)
        try:
            gate.await_arrival()
            second = sale(database_url, lab)
            assert second.code == 1
            assert "crawl failed: not started: sweep:pincali:sale is held by" in second.err
            assert "Traceback" not in second.err
            assert scan(database_url, lab, "scope=rent").code == 0
            gate.opened.set()
            first.communicate(timeout=SECONDS)
        finally:
            first.kill()
    assert first.returncode == 0
    assert column(engine, "SELECT verdict FROM sweeps WHERE scope = 'sale'") == ["complete"]


def test_a_killed_sweep_is_taken_up_where_it_was(engine: Engine, database_url: str) -> None:
    gate, hold = listing_gate(3)
    world = World.create(200)  # 107 for sale: nine pages
    with laboratory(world, fault=hold) as lab:
        process = start("manifest", "scope=sale", database_url=database_url, base_url=lab.base_url, **ONE_AT_A_TIME)
        try:
            gate.await_arrival()
            until_stored(engine, 3)
        finally:
            process.kill()
            process.communicate(timeout=SECONDS)
        gate.opened.set()
        refused = sale(database_url, lab)
        assert "is held by" in refused.err
        run(engine, "UPDATE leases SET beat_at = clock_timestamp() - interval '1 hour'")
        before = len(lab.asked(SALE))
        done = sale(database_url, lab, **ONE_AT_A_TIME)
        assert done.code == 0, done.err
        asked = lab.asked(SALE)[before:]
    assert Counter(asked) == {f"{SALE}?page={number}": 1 for number in range(3, 10)}
    assert rows(engine, "SELECT status, finish_reason FROM scraping_sessions ORDER BY started_at") == [
        {"status": "failed", "finish_reason": "died"},
        {"status": "completed", "finish_reason": "finished"},
    ]
    sweep = one(engine, "SELECT * FROM sweeps")
    assert (sweep["verdict"], sweep["distinct_listings"]) == ("complete", len(for_sale(world)))
    assert str(sweep["reasons"]).startswith("['taken up after session ")


def until_stored(engine: Engine, pages: int) -> None:
    import time

    deadline = time.monotonic() + 45
    while scalar(engine, "SELECT count(*) FROM sweep_pages") < pages:
        assert time.monotonic() < deadline, "it did not happen in time"


def test_a_sweep_whose_lease_was_taken_over_stores_nothing_more(engine: Engine, database_url: str) -> None:
    gate, hold = listing_gate(2)
    with laboratory(WORLD, fault=hold) as lab:
        first = start("manifest", "scope=sale", database_url=database_url, base_url=lab.base_url, **ONE_AT_A_TIME)
        try:
            gate.await_arrival()
            until_stored(engine, 2)
            run(engine, "UPDATE leases SET fence = fence + 1, holder = 'another'")
            gate.opened.set()
            _, told = first.communicate(timeout=SECONDS)
        finally:
            first.kill()
    assert "Traceback" not in told
    assert scalar(engine, "SELECT count(*) FROM sweep_pages") == 2
    assert one(engine, "SELECT status, finish_reason FROM scraping_sessions") == {
        "status": "cancelled",
        "finish_reason": "superseded",
    }
    assert scalar(engine, "SELECT holder FROM leases") == "another"


def test_a_step_of_a_run_that_was_taken_over_stores_nothing(engine: Engine, database_url: str) -> None:
    run(engine, "INSERT INTO sync_runs (portal, tier_level, tier_name) VALUES ('pincali', 1, 'hot_listings')")
    run(engine, "INSERT INTO leases (name, holder, fence, ttl_seconds) VALUES ('tier:pincali:1', 'a runner', 3, 120)")
    sync_run = scalar(engine, "SELECT id FROM sync_runs")
    with laboratory(WORLD) as lab:
        assert sale(database_url, lab, f"run={sync_run}", "fence=3").code == 0
        done = sale(database_url, lab, f"run={sync_run}", "fence=2")
    assert done.code == 1
    assert "tier:pincali:1 was taken over" in done.err
    assert rows(engine, "SELECT sync_run_id, arguments FROM scraping_sessions") == [
        {"sync_run_id": sync_run, "arguments": {"scope": ["sale"]}}
    ]
    assert one(engine, "SELECT status, pages_scanned FROM sync_runs") == {"status": "running", "pages_scanned": 3}
    assert one(engine, "SELECT holder, fence FROM leases WHERE name = 'tier:pincali:1'") == {"holder": "a runner", "fence": 3}
