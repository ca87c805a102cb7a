"""The books of requests after real crawls of a portal that misbehaves."""

from datetime import UTC, datetime, timedelta

from propspider import clock
from propspider.db.engine import create_engine
from propspider.lab.faults import Fault, Faults
from propspider.lab.requests import request_books
from propspider.lab.server import REQUESTS, create_app
from propspider.lab.serving import serve
from propspider.lab.world import World
from tests.spiders.crawling import crawl

WORLD = World.create(60)
SOON = datetime(2100, 1, 1, tzinfo=UTC)


def test_every_request_of_a_portal_that_misbehaves_is_accounted_for(database_url: str) -> None:
    since = clock.now()
    faults = map(Fault.parse, ("reset:0.15", "cut_page:0.1", "empty_list:0.3", "to_search:0.1"))
    bad = Faults(faults, seed=3, now=clock.now, start=since - timedelta(hours=1), real_seconds=0.2)
    app = create_app(WORLD, page_size=12, page_cap=None, faults=bad)
    with serve(app) as base_url:
        for spider in ("manifest", "detail"):
            crawl(spider, database_url=database_url, base_url=base_url)
    log = app[REQUESTS]
    engine = create_engine(database_url)
    with engine.connect() as connection:
        books = request_books(connection, log, since=since, until=SOON)
    engine.dispose()
    assert {name for name, times in bad.applied.items() if times} == {"reset", "cut_page", "empty_list", "to_search"}
    assert (books.imbalance, books.by_spider, books.pending) == (0, {}, 0)
    assert books.stored + books.failed == books.logged == len(log)
    assert books.failed > 0
