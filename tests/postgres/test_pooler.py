"""DATABASE_URL through pgbouncer in transaction mode: every transaction may run on another connection of the server."""

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from psycopg.errors import DuplicatePreparedStatement
from pydantic import SecretStr

from propspider.config import Config
from propspider.db import migrate
from propspider.db.engine import DatabaseUnavailable, create_engine, goes_through_pooler, open_engine
from propspider.db.migrate import MigrationFailed
from propspider.db.transactions import in_transaction
from propspider.sync import queue
from propspider.sync.arrivals import record_pages
from tests.builders import PORTAL, column, entry, new_session, page, rows, scalar
from tests.postgres.crawls import Portal, Spider, crawl, simulated
from tests.postgres.servers import Pooler, Server


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    with simulated(120) as portal:
        yield portal


def _engine(url: str) -> sa.Engine:
    return open_engine(Config(database_url=SecretStr(url)))


def test_this_pooler_does_break_prepared_statements(pooler: Pooler, stoppable_url: str) -> None:
    """What the tests below would meet without the check of each new connection."""
    url = pooler.url(stoppable_url)
    with psycopg.connect(url, prepare_threshold=0) as one, psycopg.connect(url, prepare_threshold=0) as two:
        one.execute("SELECT 1").close()
        one.commit()
        with pytest.raises(DuplicatePreparedStatement):
            two.execute("SELECT 2")


@pytest.mark.parametrize("with_direct_url", [True, False])
def test_spiders_share_few_connections_and_lose_nothing(
    pooler: Pooler, stoppable_url: str, portal: Portal, tmp_path: Path, with_direct_url: bool
) -> None:
    environment = {"DATABASE_URL": pooler.url(stoppable_url)}
    if with_direct_url:
        environment["DATABASE_DIRECT_URL"] = stoppable_url
    crawl("manifest", portal, tmp_path, environment)
    spiders = [Spider("detail", portal, tmp_path, environment) for _ in range(3)]
    assert [spider.wait() for spider in spiders] == [0, 0, 0], [spider.said for spider in spiders]

    engine = create_engine(stoppable_url)
    try:
        listings = len(portal.world.listings)
        assert scalar(engine, "SELECT count(*) FROM property_manifest") == listings
        assert scalar(engine, "SELECT count(*) FROM properties_live") == listings
        queued = rows(engine, "SELECT status, count(*) AS n FROM scrape_queue GROUP BY 1")
        assert queued == [{"status": "completed", "n": listings}]
        assert column(engine, "SELECT DISTINCT status FROM scraping_sessions") == ["completed"]
        assert column(engine, "SELECT message FROM scraping_errors") == []
    finally:
        engine.dispose()


def test_a_pooler_is_noticed_and_a_server_is_not_taken_for_one(pooler: Pooler, stoppable_url: str) -> None:
    for url, expected in ((stoppable_url, False), (pooler.url(stoppable_url), True)):
        with psycopg.connect(url) as connection:
            assert goes_through_pooler(connection) is expected


def test_a_statement_that_is_repeated_is_not_prepared(pooler: Pooler, stoppable_url: str) -> None:
    engine = _engine(pooler.url(stoppable_url))
    try:
        for _ in range(3):
            # Two at once, so that both connections of the server take part.
            with engine.connect() as one, engine.connect() as two:
                for number in range(10):
                    query = sa.text("SELECT :number + (SELECT count(*) FROM pg_prepared_statements)")
                    assert one.execute(query, {"number": number}).scalar() == number
                    assert two.execute(query, {"number": number}).scalar() == number
    finally:
        engine.dispose()


def test_only_one_client_at_a_time_fills_the_window(pooler: Pooler, stoppable_url: str) -> None:
    """Its lock belongs to the transaction, which stays on one connection of the server."""
    engine = _engine(pooler.url(stoppable_url))
    try:
        session = new_session(engine)
        with engine.begin() as connection:
            record_pages(connection, session, [page(*(entry(number) for number in range(1, 21)))], pages_wanted=0)
            connection.execute(sa.text("DELETE FROM scrape_queue"))
        with engine.begin() as one, engine.begin() as two:
            assert queue.top_up(one, PORTAL) == 20
            assert queue.top_up(two, PORTAL) == 0
        with engine.begin() as two:
            assert queue.top_up(two, PORTAL) == 0
    finally:
        engine.dispose()


def test_migrations_refuse_a_pooler_and_say_what_to_set(pooler: Pooler, stoppable_url: str) -> None:
    with pytest.raises(MigrationFailed, match=r"behind a connection pooler.*set DATABASE_DIRECT_URL"):
        migrate.upgrade(pooler.url(stoppable_url))
    with psycopg.connect(stoppable_url) as connection:
        held = connection.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone()
    assert held == (0,)
    migrate.check(stoppable_url)


def test_a_start_up_parameter_that_the_pooler_refuses_ends_in_one_line(pooler: Pooler, stoppable_url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="unsupported startup parameter: options") as raised:
        _engine(pooler.url(stoppable_url, options="-c work_mem=64MB"))
    assert "\n" not in str(raised.value)


def test_a_pooler_that_was_restarted_is_found_again(pooler: Pooler, stoppable_url: str) -> None:
    engine = _engine(pooler.url(stoppable_url))
    try:
        assert in_transaction(engine, lambda connection: connection.scalar(sa.text("SELECT 1"))) == 1
        pooler.stop()
        restarting = threading.Thread(target=pooler.start, args=(stoppable_url,))
        restarting.start()
        assert in_transaction(engine, lambda connection: connection.scalar(sa.text("SELECT 2"))) == 2
        restarting.join()
    finally:
        engine.dispose()


def test_connections_that_the_server_ended_while_idle_are_replaced(pooler: Pooler, stoppable: Server, stoppable_url: str) -> None:
    engine = _engine(pooler.url(stoppable_url))
    try:
        assert in_transaction(engine, lambda connection: connection.scalar(sa.text("SELECT 1"))) == 1
        with psycopg.connect(stoppable.url, autocommit=True) as admin:
            ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'propspider'"
            assert admin.execute(ended).fetchall() != []
        assert in_transaction(engine, lambda connection: connection.scalar(sa.text("SELECT 2"))) == 2
    finally:
        engine.dispose()
