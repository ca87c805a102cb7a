"""Both spiders against the laboratory: the database says what its world knows."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from propspider.lab.listing import Listing
from propspider.lab.world import World
from tests.builders import column, one, rows, run, scalar
from tests.support.cluster import Cluster

from .crawling import ROOT, SECONDS, Done, command, crawl, environment, start
from .served import Gate, Lab, laboratory

TODAY = World.create(40)
TOMORROW = World.create(40, day=1)


@pytest.fixture
def lab() -> Iterator[Lab]:
    with laboratory(TODAY) as lab:
        yield lab


def well(done: Done) -> Done:
    assert done.code == 0, done.err
    assert "Traceback" not in done.err
    return done


def scan(database_url: str, lab: Lab, *arguments: str) -> Done:
    return well(crawl("manifest", *arguments, database_url=database_url, base_url=lab.base_url))


def scrape(database_url: str, lab: Lab, *arguments: str) -> Done:
    return well(crawl("detail", *arguments, database_url=database_url, base_url=lab.base_url))


def name(listing: Listing) -> str:
    return f"pincali:{listing.public_id}"


def until(condition: Callable[[], object]) -> None:
    """Each look asks the database, which takes its time."""
    deadline = time.monotonic() + 45
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"


def truth(world: World) -> dict[str, set[tuple[str, object, str | None]]]:
    return {name(one): {(o.operation.value, o.amount, o.currency) for o in one.offers} for one in world.listings}


def stored_offers(engine: Engine) -> dict[str, set[tuple[str, object, str | None]]]:
    found: dict[str, set[tuple[str, object, str | None]]] = {}
    for row in rows(engine, "SELECT * FROM property_offers"):
        found.setdefault(row["property_id"], set()).add((row["operation"], row["amount"], row["currency"]))
    return found


def test_a_day_and_the_next(engine: Engine, database_url: str) -> None:
    with laboratory(TODAY) as lab:
        scan(database_url, lab)
        assert set(column(engine, "SELECT property_id FROM property_manifest")) == truth(TODAY).keys()
        assert stored_offers(engine) == truth(TODAY)
        sweeps = rows(engine, "SELECT * FROM sweeps")
        assert len(sweeps) == 4
        assert {(row["status"], row["pages_failed"]) for row in sweeps} == {("finished", 0)}
        assert all(row["first_stated_total"] == row["distinct_listings"] for row in sweeps)
        assert {(row["verdict"], row["covers_all"]) for row in sweeps} == {("complete", True)}
        assert set(column(engine, "SELECT status FROM scrape_queue")) == {"pending"}
        scrape(database_url, lab)
    assert column(engine, "SELECT DISTINCT status FROM scrape_queue") == ["completed"]
    live = {row["property_id"]: row for row in rows(engine, "SELECT * FROM properties_live")}
    assert live.keys() == truth(TODAY).keys()
    for listing in TODAY.listings:
        row = live[name(listing)]
        assert (row["title"], row["city"], row["bedrooms"]) == (listing.title.en, listing.place.city, listing.bedrooms)
        assert (row["latitude"], row["internal_id"]) == (listing.latitude, listing.internal_id)
        assert row["source_url"] == f"https://www.pincali.com/en/home/{listing.slug}"
    sessions = rows(engine, "SELECT * FROM scraping_sessions ORDER BY started_at")
    assert [(row["spider"], row["status"], row["finish_reason"]) for row in sessions] == [
        ("manifest", "completed", "finished"),
        ("detail", "completed", "finished"),
    ]
    assert sessions[1]["items_stored"] == len(TODAY.listings)
    assert column(engine, "SELECT DISTINCT status FROM sync_runs") == ["completed"]

    with laboratory(TOMORROW) as lab:
        scan(database_url, lab)
        new = truth(TOMORROW).keys() - truth(TODAY).keys()
        assert new
        queued = column(engine, "SELECT property_id FROM scrape_queue WHERE status = 'pending' AND queue_reason = 'new_property'")
        assert set(queued) == new
        assert {listing: stored_offers(engine)[listing] for listing in truth(TOMORROW)} == truth(TOMORROW)
        scrape(database_url, lab)
    assert set(column(engine, "SELECT property_id FROM properties_live")) == truth(TODAY).keys() | truth(TOMORROW).keys()
    created = column(engine, "SELECT property_id FROM property_changes WHERE change_type = 'created'")
    assert len(created) == len(set(created)) == len(truth(TODAY).keys() | new)
    repriced = {listing for listing in truth(TOMORROW).keys() - new if truth(TOMORROW)[listing] != truth(TODAY)[listing]}
    assert repriced
    changed = column(engine, "SELECT DISTINCT property_id FROM property_changes WHERE field_name = 'offers'")
    assert set(changed) == repriced


def test_a_scan_of_one_page_of_one_scope_reads_that(engine: Engine, database_url: str, lab: Lab) -> None:
    scan(database_url, lab, "pages=1", "scope=sale")
    assert [path for path in lab.paths if path != "/robots.txt"] == ["/en/properties/properties-for-sale"]
    sweep = one(engine, "SELECT * FROM sweeps")
    assert (sweep["scope"], sweep["pages_wanted"], sweep["pages_fetched"], sweep["entries"]) == ("sale", 1, 1, 12)


def test_one_page_is_shown_and_nothing_stored(lab: Lab) -> None:
    listing = TODAY.listings[0]
    url = f"https://www.pincali.com/en/home/{listing.slug}"
    done = well(crawl("detail", f"url={url}", database_url="postgresql://nobody@127.0.0.1:9/none", base_url=lab.base_url))
    shown = json.loads(done.out)
    assert (shown["property_id"], shown["title"], shown["source_url"]) == (name(listing), listing.title.en, url)
    assert len(shown["offers"]) == len(listing.offers)


def test_a_page_that_is_not_there_is_shown_as_an_error(lab: Lab) -> None:
    done = crawl("detail", "url=https://www.pincali.com/en/home/nowhere", database_url=None, base_url=lab.base_url)
    assert (done.code, done.out) == (1, "")
    assert "crawl failed: gone" in done.err
    assert "Traceback" not in done.err


def test_one_listing_wanted_now_and_a_limit(engine: Engine, database_url: str, lab: Lab) -> None:
    scan(database_url, lab, "scope=sale")
    wanted = name(TODAY.listings[-1])
    if wanted not in column(engine, "SELECT property_id FROM property_manifest"):
        wanted = column(engine, "SELECT property_id FROM property_manifest ORDER BY 1")[-1]
    scrape(database_url, lab, f"property_id={wanted}")
    assert column(engine, "SELECT property_id FROM properties_live") == [wanted]
    scrape(database_url, lab, "limit=3")
    assert scalar(engine, "SELECT count(*) FROM properties_live") == 4
    assert scalar(engine, "SELECT count(*) FROM scrape_queue WHERE status = 'in_progress'") == 0


def test_a_listing_that_nobody_has_seen_cannot_be_wanted(engine: Engine, database_url: str, lab: Lab) -> None:
    done = crawl("detail", "property_id=pincali:EB-NO0000", database_url=database_url, base_url=lab.base_url)
    assert done.code == 1
    assert "crawl failed: no listing pincali:EB-NO0000 is known" in done.err
    assert "Traceback" not in done.err
    assert scalar(engine, "SELECT status FROM scraping_sessions") == "failed"


def test_a_killed_spider_loses_nothing_and_stores_nothing_twice(engine: Engine, database_url: str) -> None:
    gate = Gate(free=15)
    with laboratory(TODAY, gate) as lab:
        scan(database_url, lab)
        process = start("detail", database_url=database_url, base_url=lab.base_url)
        try:
            until(lambda: scalar(engine, "SELECT count(*) FROM properties_live"))
        finally:
            process.kill()
            process.communicate(timeout=SECONDS)
        gate.opened.set()
        stored = scalar(engine, "SELECT count(*) FROM properties_live")
        assert 0 < stored < len(TODAY.listings)
        assert scalar(engine, "SELECT count(*) FROM scrape_queue WHERE status = 'completed'") == stored
        scrape(database_url, lab)
        assert scalar(engine, "SELECT count(*) FROM properties_live") == stored
        run(engine, "UPDATE scrape_queue SET lease_until = clock_timestamp() - interval '1 s' WHERE status = 'in_progress'")
        run(engine, "UPDATE scraping_sessions SET heartbeat_at = now() - interval '1 hour' WHERE status = 'running'")
        scrape(database_url, lab)
    assert set(column(engine, "SELECT property_id FROM properties_live")) == truth(TODAY).keys()
    assert scalar(engine, "SELECT count(*) FROM property_changes WHERE change_type = 'created'") == len(TODAY.listings)
    assert column(engine, "SELECT DISTINCT status FROM scrape_queue") == ["completed"]
    died = one(engine, "SELECT * FROM scraping_sessions WHERE status = 'failed'")
    assert died["finish_reason"] == "died"
    assert column(engine, "SELECT max(attempt_count) FROM scrape_queue") == [0]


def test_a_terminated_spider_ends_gracefully_and_hands_back_its_claims(engine: Engine, database_url: str) -> None:
    gate = Gate(free=5)
    with laboratory(TODAY, gate) as lab:
        scan(database_url, lab)
        process = start("detail", database_url=database_url, base_url=lab.base_url)
        guard = threading.Timer(SECONDS, process.kill)
        guard.start()
        try:
            until(lambda: gate.passed > 15)
            process.send_signal(signal.SIGTERM)
            assert process.stderr is not None
            for line in process.stderr:
                if "Closing spider" in line:
                    break
            gate.opened.set()
            _, rest = process.communicate(timeout=SECONDS)
        finally:
            guard.cancel()
            process.kill()
    assert process.returncode == 0, rest
    assert "Traceback" not in rest
    session = one(engine, "SELECT * FROM scraping_sessions WHERE spider = 'detail'")
    assert (session["status"], session["finish_reason"]) == ("cancelled", "shutdown")
    stored = scalar(engine, "SELECT count(*) FROM properties_live")
    assert 0 < stored < len(TODAY.listings)
    counts = {row["status"]: row["n"] for row in rows(engine, "SELECT status, count(*) AS n FROM scrape_queue GROUP BY 1")}
    assert counts == {"completed": stored, "pending": len(TODAY.listings) - stored}


def test_a_database_that_goes_away_fails_the_crawl(engine: Engine, database_url: str, cluster: Cluster) -> None:
    database = scalar(engine, "SELECT current_database()")
    gate = Gate(free=5)
    with laboratory(TODAY, gate) as lab:
        scan(database_url, lab)
        process = start("detail", database_url=database_url, base_url=lab.base_url)
        try:
            until(lambda: gate.passed > 15)
            engine.dispose()
            with cluster.admin() as admin:
                admin.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false')
                admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])
            gate.opened.set()
            _, told = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
            with cluster.admin() as admin:
                admin.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')
    assert process.returncode == 1, told
    assert "crawl failed: database_lost" in told
    assert "Traceback" not in told
    with engine.connect() as connection:
        done = connection.execute(sa.text("SELECT property_id FROM scrape_queue WHERE status = 'completed'")).scalars().all()
        kept = connection.execute(sa.text("SELECT property_id FROM properties_live")).scalars().all()
    assert sorted(done) == sorted(kept)
    assert scalar(engine, "SELECT status FROM scraping_sessions WHERE spider = 'detail'") == "running"


def test_a_running_crawl_beats_and_ends_when_its_session_is_taken_from_it(engine: Engine, database_url: str) -> None:
    gate = Gate(free=2)
    with laboratory(TODAY, gate) as lab:
        scan(database_url, lab)
        process = subprocess.Popen(
            [*command("detail"), "-s", "HEARTBEAT_SECONDS=0.1"],
            cwd=ROOT,
            env=environment(database_url, lab.base_url),
            stderr=subprocess.DEVNULL,
        )
        try:
            beaten = """
                SELECT count(*) FROM scraping_sessions
                WHERE spider = 'detail' AND status = 'running' AND heartbeat_at > started_at + interval '0.5 s'
            """
            until(lambda: scalar(engine, beaten))
            buried = """
                UPDATE scraping_sessions SET status = 'failed', finish_reason = 'died', completed_at = now()
                WHERE spider = 'detail'
            """
            run(engine, buried)
            gate.opened.set()
            process.wait(timeout=SECONDS)
        finally:
            process.kill()
            process.wait()
    ended = one(engine, "SELECT status, finish_reason FROM scraping_sessions WHERE spider = 'detail'")
    assert ended == {"status": "cancelled", "finish_reason": "superseded"}
