"""The first tier end to end: the command line, real crawls, the laboratory, a real database."""

import json
import zlib

from aiohttp import web
from sqlalchemy import Engine

from propspider.lab.world import World
from tests.builders import column, one, rows, scalar
from tests.spiders.crawling import SECONDS
from tests.spiders.served import Answer, Gate, answering, laboratory
from tests.spiders.test_lab import until

from .running import command, start, tier

WORLD = World.create(60)


def listing_pages(paths: list[str]) -> list[str]:
    return [path for path in paths if "/properties/" in path]


def hash_of(path: str) -> int:
    return zlib.crc32(path.encode())


def test_new_listings_of_the_first_pages_are_found_and_fetched(engine: Engine, database_url: str) -> None:
    with laboratory(WORLD, page_size=4) as lab:
        result = tier("1", database_url=database_url, lab=lab, TIER_1_PAGES="2", TIER_2_PAGES="8")
        assert len(lab.asked("/home/")) == result["properties_scraped"] == result["new_properties"] > 8
        # Nobody has walked a scope before: an empty database is no reason to walk on.
        assert len(listing_pages(lab.paths)) == result["pages_scanned"] <= 2 * 4
        assert not lab.asked("page=3")
    run = one(engine, "SELECT * FROM sync_runs")
    assert (run["tier_level"], run["tier_name"], run["status"]) == (1, "hot_listings", "completed")
    assert (run["metadata"]["done"], run["metadata"]["scheduled_for"]) == (["manifest", "go_on", "top_up", "detail"], None)
    assert (run["pages_scanned"], run["properties_scraped"], run["error_count"]) == (
        result["pages_scanned"],
        result["properties_scraped"],
        0,
    )
    assert run["execution_time_ms"] > 0
    assert set(column(engine, "SELECT property_id FROM properties_live")) == set(
        column(engine, "SELECT property_id FROM property_manifest")
    )
    assert column(engine, "SELECT DISTINCT status FROM scrape_queue") == ["completed"]
    assert scalar(engine, "SELECT count(*) FROM scraping_sessions WHERE sync_run_id <> :id", id=run["id"]) == 0
    assert [row["ttl_seconds"] for row in rows(engine, "SELECT * FROM leases WHERE name = 'tier:pincali:1'")] == [0]


def test_it_walks_on_where_the_last_page_still_holds_something_new(engine: Engine, database_url: str) -> None:
    """Nineteen new listings a scope do not fit two pages of four."""
    few, many = World.create(12), World.create(90)
    with laboratory(few, page_size=4) as lab:
        tier("1", database_url=database_url, lab=lab, TIER_1_PAGES="2", TIER_2_PAGES="6")
        before = len(lab.paths)
        lab.becomes(many)
        result = tier("1", database_url=database_url, lab=lab, TIER_1_PAGES="2", TIER_2_PAGES="6")
        asked = listing_pages(lab.paths[before:])
    assert any("page=3" in path for path in asked)
    assert any("page=6" in path for path in asked)
    assert not any("page=7" in path for path in asked)
    assert result["status"] == "completed"
    wanted = column(engine, "SELECT pages_wanted FROM sweeps WHERE scope = 'sale' ORDER BY id")
    assert wanted == [2, 2, 4, 6]


def test_what_is_more_than_it_may_fetch_stays_queued(engine: Engine, database_url: str) -> None:
    with laboratory(WORLD, page_size=12) as lab:
        result = tier("1", database_url=database_url, lab=lab, TIER_1_MAX_ITEMS="5")
        assert len(lab.asked("/home/")) == 5
    assert result["properties_scraped"] == 5
    assert result["notes"] == ["5 details, as many as the tier may fetch; what is left stays queued"]
    assert scalar(engine, "SELECT count(*) FROM scrape_queue WHERE status = 'pending'") == result["properties_queued"] - 5


def test_a_portal_that_fails_too_often_is_left_alone(engine: Engine, database_url: str) -> None:
    def fault(request: web.Request) -> Answer | None:
        return answering("tea", status=418) if "/home/" in request.path and hash_of(request.path) % 2 else None

    with laboratory(WORLD, fault=fault) as lab:
        done = command("tier", "1", database_url=database_url, lab=lab, TIER_1_MAX_ITEMS="30")
    assert done.code == 1
    assert "pages could be read" in done.out
    run = one(engine, "SELECT * FROM sync_runs")
    assert run["status"] == "failed"
    assert "could be read" in run["error_summary"]
    assert scalar(engine, "SELECT paused_by FROM portal_pauses") == "breaker"
    assert set(column(engine, "SELECT kind FROM alerts")) == {"block", "error_rate"}
    again = command("tier", "1", database_url=database_url, lab=lab)
    assert again.code == 1
    assert "pincali is paused since" in again.err
    assert scalar(engine, "SELECT count(*) FROM sync_runs") == 1


def test_a_block_ends_the_run_and_pauses_the_portal(engine: Engine, database_url: str) -> None:
    with laboratory(WORLD, fault=lambda request: answering("no", status=403) if "/home/" in request.path else None) as lab:
        done = command("tier", "1", database_url=database_url, lab=lab)
    assert done.code == 1
    run = one(engine, "SELECT * FROM sync_runs")
    assert (run["status"], run["error_summary"]) == ("failed", "detail: blocked")
    assert scalar(engine, "SELECT count(*) FROM portal_pauses") == 1
    assert set(column(engine, "SELECT status FROM scrape_queue")) == {"pending"}


def test_two_operators_who_start_the_same_tier_get_one_run(engine: Engine, database_url: str) -> None:
    gate = Gate()
    with laboratory(WORLD, gate) as lab:
        first = start("tier", "1", "--json", database_url=database_url, lab=lab)
        until(lambda: gate.passed)
        second = command("tier", "1", database_url=database_url, lab=lab)
        gate.free = 1000
        gate.opened.set()
        out, _ = first.communicate(timeout=SECONDS)
    assert second.code == 1
    assert second.lines == [line for line in second.lines if "tier:pincali:1 is held by" in line and line.count("tier 1") == 1]
    assert json.loads(out)["status"] == "completed"
    assert column(engine, "SELECT status FROM sync_runs") == ["completed"]
