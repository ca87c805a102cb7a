"""A crawl that goes badly tells somebody, and comes to the same end when nobody can be told."""

from aiohttp import web
from sqlalchemy import Engine

from propspider.lab.world import World
from propspider.sync import queue
from propspider.sync.queue import Want
from tests.builders import one, rows
from tests.receiver import receiving

from .crawling import crawl
from .served import Answer, laboratory

WORLD = World.create(60)
BROKEN = {listing.slug for listing in WORLD.listings[:4]}


def want(engine: Engine) -> None:
    wanted = [
        Want(f"pincali:{listing.public_id}", f"https://www.pincali.com/en/home/{listing.slug}", "new_property")
        for listing in WORLD.listings[:14]
    ]
    with engine.begin() as connection:
        queue.enqueue(connection, "pincali", wanted)


def broken(request: web.Request) -> Answer | None:
    return _gateway if request.path.rpartition("/")[2] in BROKEN else None


async def _gateway(_: web.Request) -> web.StreamResponse:
    return web.Response(status=500)


def test_a_crawl_with_many_errors_is_told(engine: Engine, database_url: str) -> None:
    want(engine)
    with laboratory(WORLD, fault=broken) as lab, receiving() as receiver:
        extra = {"PROPSPIDER_ALERT_URLS": receiver.url, "PROPSPIDER_LOG_LEVEL": "DEBUG"}
        done = crawl("detail", database_url=database_url, base_url=lab.base_url, extra=extra)
    assert done.code == 0, done.err
    alert = one(engine, "SELECT * FROM alerts")
    assert (alert["kind"], alert["subject"], alert["severity"]) == ("error_rate", "detail", "warning")
    assert alert["delivered_at"] is not None
    (said,) = receiver.asked
    assert said["message"].startswith("4 of 14 pages of a detail session could not be had (29%): 4 http_status\n")
    assert "hunter22" not in done.err + done.out
    assert "token-of-mine" not in done.err + done.out


def test_a_service_that_is_down_changes_nothing_about_the_crawl(engine: Engine, database_url: str) -> None:
    want(engine)
    with laboratory(WORLD, fault=broken) as lab, receiving(500) as receiver:
        done = crawl("detail", database_url=database_url, base_url=lab.base_url, extra={"PROPSPIDER_ALERT_URLS": receiver.url})
        assert (done.code, len(receiver.asked)) == (0, 1), done.err
    assert done.err.count("alerts not delivered") == 1
    assert rows(engine, "SELECT status, finish_reason FROM scraping_sessions") == [
        {"status": "completed", "finish_reason": "finished"}
    ]
    assert one(engine, "SELECT delivered_at FROM alerts")["delivered_at"] is None
