"""From a scan to a removal and back, with real crawls of the laboratory."""

from sqlalchemy import Engine

from propspider.lab.listing import Listing
from propspider.lab.world import World
from tests.builders import column, one, rows, scalar

from .crawling import Done, crawl
from .served import laboratory
from .test_lab import name

WHOLE = World.create(30)
LOST = WHOLE.listings[3:6]


def without(*gone: Listing) -> World:
    return World(WHOLE.seed, WHOLE.day, tuple(listing for listing in WHOLE.listings if listing not in gone))


def crawled(spider: str, database_url: str, world: World) -> Done:
    with laboratory(world) as lab:
        done = crawl(spider, database_url=database_url, base_url=lab.base_url)
    assert done.code == 0, done.err
    assert "Traceback" not in done.err
    return done


def scan(engine: Engine, database_url: str, world: World) -> None:
    crawled("manifest", database_url, world)
    assert set(column(engine, "SELECT verdict FROM sweeps")) == {"complete"}


def missing(engine: Engine) -> dict[str, int]:
    found = rows(engine, "SELECT property_id, consecutive_missing_count AS missed FROM property_freshness")
    return {row["property_id"]: row["missed"] for row in found if row["missed"]}


def statuses(engine: Engine) -> dict[str, str]:
    found = rows(engine, "SELECT property_id, listing_status FROM properties_live WHERE listing_status <> 'active'")
    return {row["property_id"]: row["listing_status"] for row in found}


def test_listings_leave_are_verified_and_come_back(engine: Engine, database_url: str) -> None:
    scan(engine, database_url, WHOLE)
    crawled("detail", database_url, WHOLE)
    assert missing(engine) == {}

    # The last of them is only missing from listing pages: its own page is there all the time.
    scan(engine, database_url, without(*LOST))
    assert missing(engine) == {name(listing): 1 for listing in LOST}
    crawled("verify", database_url, without(*LOST))
    assert statuses(engine) == {}
    scan(engine, database_url, without(*LOST))
    assert missing(engine) == {name(listing): 2 for listing in LOST}

    crawled("verify", database_url, without(*LOST[:2]))
    assert statuses(engine) == {name(listing): "confirmed_removed" for listing in LOST[:2]}
    assert missing(engine).keys() == {name(listing) for listing in LOST[:2]}
    verified = one(
        engine, "SELECT r.* FROM sync_runs r JOIN scraping_sessions s ON s.sync_run_id = r.id ORDER BY r.started_at DESC LIMIT 1"
    )
    assert (verified["removals_detected"], verified["removals_confirmed"]) == (3, 2)
    cases = rows(engine, "SELECT status, outcome FROM removal_cases ORDER BY property_id")
    assert sorted((case["status"], case["outcome"]) for case in cases) == [
        ("confirmed", "confirmed_removed"),
        ("confirmed", "confirmed_removed"),
        ("dismissed", "alive"),
    ]
    removed = column(engine, "SELECT property_id FROM properties_live WHERE status = 'removed'")
    assert set(removed) == {name(listing) for listing in LOST[:2]}

    scan(engine, database_url, without(LOST[0]))
    assert statuses(engine) == {name(LOST[0]): "confirmed_removed", name(LOST[1]): "relisted"}
    scanned = "SELECT new_properties_found FROM sync_runs ORDER BY started_at DESC LIMIT 1"
    assert scalar(engine, scanned) == 1
    queued = one(engine, "SELECT * FROM scrape_queue WHERE status = 'pending' AND property_id = :id", id=name(LOST[1]))
    assert (queued["kind"], queued["queue_reason"], queued["priority"]) == ("detail", "relisted", 1)
    crawled("detail", database_url, without(LOST[0]))
    assert statuses(engine) == {name(LOST[0]): "confirmed_removed"}
    story = column(
        engine,
        "SELECT new_value FROM property_changes WHERE field_name = 'listing_status' AND property_id = :id ORDER BY id",
        id=name(LOST[1]),
    )
    assert story == ["likely_removed", "confirmed_removed", "relisted", "active"]
