"""The database goes away in the middle of a crawl: with it back in time nothing shows, else the crawl says so."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from structlog.testing import capture_logs

from propspider.db import transactions
from propspider.db.engine import create_engine
from propspider.db.postmaster import pause
from propspider.db.transactions import ConnectionLost, in_transaction
from propspider.lab.scopes import LISTING_ROOTS
from tests.builders import column, one, rows, scalar
from tests.postgres.crawls import Portal, Spider, crawl, simulated
from tests.postgres.servers import Server

LISTINGS = 120
WAITING = "waiting for the database"


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    with simulated(LISTINGS) as portal:
        yield portal


@pytest.fixture
def engine(stoppable_url: str) -> Iterator[Engine]:
    engine = create_engine(stoppable_url)
    yield engine
    engine.dispose()


@pytest.fixture
def half_way(portal: Portal, stoppable_url: str, tmp_path: Path) -> Iterator[Callable[[float], Spider]]:
    """A detail spider that has fetched some of its pages and is waiting for the next ones."""
    spiders: list[Spider] = []

    def start(delay: float = 0) -> Spider:
        crawl("manifest", portal, tmp_path, {"DATABASE_URL": stoppable_url})
        portal.gate.hold_after(40)
        spiders.append(Spider("detail", portal, tmp_path, {"DATABASE_URL": stoppable_url}, delay=delay))
        assert portal.gate.reached.wait(60), spiders[-1].said
        return spiders[-1]

    yield start
    portal.gate.opened.set()
    for spider in spiders:
        spider.kill()


@pytest.mark.parametrize("delay", [0.0, 0.01], ids=["as fast as it goes", "paced by the database"])
def test_a_crawl_outlives_a_restart_and_stores_everything_once(
    half_way: Callable[[float], Spider], portal: Portal, stoppable: Server, engine: Engine, delay: float
) -> None:
    spider = half_way(delay)
    stoppable.stop()
    portal.gate.opened.set()
    spider.wait_for(WAITING)
    stoppable.start()

    assert spider.wait() == 0, spider.said
    assert scalar(engine, "SELECT count(*) FROM properties_live") == LISTINGS
    assert rows(engine, "SELECT status, count(*) AS n, max(claims) AS claims FROM scrape_queue GROUP BY 1") == [
        {"status": "completed", "n": LISTINGS, "claims": 1}
    ]
    assert column(engine, "SELECT message FROM scraping_errors") == []
    session = one(engine, "SELECT * FROM scraping_sessions WHERE spider = 'detail'")
    assert (session["status"], session["finish_reason"]) == ("completed", "finished")
    stored = one(engine, "SELECT * FROM sync_metadata WHERE session_id = :id", id=session["id"])
    assert stored["new_properties"] == LISTINGS
    assert scalar(engine, "SELECT count(*) FROM property_changes WHERE change_type = 'created'") == LISTINGS


def test_a_sweep_outlives_a_restart_and_is_complete(
    portal: Portal, stoppable_url: str, stoppable: Server, engine: Engine, tmp_path: Path
) -> None:
    portal.gate.hold_after(3, LISTING_ROOTS.values())
    spider = Spider("manifest", portal, tmp_path, {"DATABASE_URL": stoppable_url}, delay=0.01)
    try:
        assert portal.gate.reached.wait(60), spider.said
        stoppable.stop()
        portal.gate.opened.set()
        spider.wait_for(WAITING)
        stoppable.start()
        assert spider.wait() == 0, spider.said
    finally:
        spider.kill()
    assert set(column(engine, "SELECT verdict FROM sweeps")) == {"complete"}
    assert scalar(engine, "SELECT count(*) FROM property_manifest") == LISTINGS
    assert scalar(engine, "SELECT count(*) FROM sighting_misses WHERE missed > 0") == 0
    assert column(engine, "SELECT status FROM scraping_sessions") == ["completed"]


def test_a_tier_outlives_a_restart(portal: Portal, stoppable_url: str, stoppable: Server, engine: Engine, tmp_path: Path) -> None:
    portal.gate.hold_after(40)
    command = [str(Path(sys.executable).with_name("propspider")), "tier", "1", "--json"]
    runner = Spider("tier", portal, tmp_path, {"DATABASE_URL": stoppable_url}, command=command)
    try:
        assert portal.gate.reached.wait(60), runner.said
        stoppable.stop()
        portal.gate.opened.set()
        pause()
        stoppable.start()
        assert runner.wait() == 0, runner.said
    finally:
        runner.kill()
    ended = one(engine, "SELECT tier_name, status, properties_scraped FROM sync_runs")
    assert ended == {"tier_name": "hot_listings", "status": "completed", "properties_scraped": LISTINGS}
    assert scalar(engine, "SELECT count(*) FROM properties_live") == LISTINGS
    assert column(engine, "SELECT DISTINCT status FROM scrape_queue") == ["completed"]


def test_a_server_that_stays_away_fails_the_crawl_and_nothing_unstored_counts_as_done(
    half_way: Callable[[float], Spider], portal: Portal, stoppable: Server, engine: Engine
) -> None:
    spider = half_way(0)
    stoppable.stop()
    stopped = time.monotonic()
    portal.gate.opened.set()
    try:
        assert spider.wait() == 1
        # Once in all, however many threads and steps met the outage.
        assert time.monotonic() - stopped < transactions.PATIENCE_SECONDS + 15
        assert "crawl failed: database_lost" in spider.said
        assert "Traceback" not in spider.said
    finally:
        stoppable.start()
    done = column(engine, "SELECT property_id FROM scrape_queue WHERE status = 'completed' ORDER BY 1")
    assert len(done) < LISTINGS
    assert done == column(engine, "SELECT property_id FROM properties_live ORDER BY 1")
    assert scalar(engine, "SELECT count(*) FROM scrape_queue WHERE status IN ('pending', 'in_progress')") == LISTINGS - len(done)


def test_connections_that_waited_through_a_restart_serve_the_next_transaction(stoppable: Server, engine: Engine) -> None:
    assert in_transaction(engine, _one) == 1
    stoppable.stop()
    stoppable.start()
    assert in_transaction(engine, _one) == 1


def test_a_backend_that_is_killed_in_the_middle_takes_its_half_done_work_with_it(engine: Engine) -> None:
    attempts: list[int] = []

    def work(connection: Connection) -> int:
        attempts.append(connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())
        connection.execute(sa.text("INSERT INTO host_pacing (host, next_at, delay_seconds) VALUES ('a', now(), 1)"))
        if len(attempts) == 1:
            with engine.connect() as other:
                other.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": attempts[0]})
        return int(connection.execute(sa.text("SELECT count(*) FROM host_pacing")).scalar_one())

    assert in_transaction(engine, work) == 1
    assert len(set(attempts)) == 2


def test_a_transaction_that_idled_too_long_is_repeated(engine: Engine) -> None:
    attempts: list[int] = []

    def work(connection: Connection) -> int:
        attempts.append(connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())
        if len(attempts) == 1:
            connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = '20ms'"))
            _until_gone(engine, attempts[0])
        return _one(connection)

    assert in_transaction(engine, work) == 1
    assert len(attempts) == 2


def test_a_longer_outage_is_waited_out_once_and_over_when_the_server_answers(
    stoppable: Server, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "PATIENCE_SECONDS", 0.5)
    stoppable.stop()
    try:
        with capture_logs() as logs, pytest.raises(ConnectionLost):
            in_transaction(engine, _one)
        assert [line["event"] for line in logs] == [WAITING]
        again = time.monotonic()
        with pytest.raises(ConnectionLost):
            in_transaction(engine, _one)
        assert time.monotonic() - again < 0.4
    finally:
        starting = threading.Thread(target=stoppable.start)
        starting.start()
    monkeypatch.setattr(transactions, "PATIENCE_SECONDS", 60.0)
    assert in_transaction(engine, _one) == 1
    starting.join()


def _one(connection: Connection) -> int:
    return int(connection.execute(sa.text("SELECT 1")).scalar_one())


def _until_gone(engine: Engine, pid: int) -> None:
    for _ in range(1000):
        if scalar(engine, "SELECT count(*) FROM pg_stat_activity WHERE pid = :pid", pid=pid) == 0:
            return
        pause()
    raise AssertionError("the server did not end the idle transaction")
