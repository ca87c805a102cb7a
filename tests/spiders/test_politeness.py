"""The pace of several processes, recomputed from the portal's own log; what a portal that has enough of us gets to see."""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from aiohttp import web
from sqlalchemy import Engine

from propspider.lab.server import REQUESTS
from propspider.lab.world import World
from propspider.sync import breaker, queue
from propspider.sync.queue import Want
from tests.builders import column, one, rows, scalar
from tests.portals.pincali.markup import card, listing_page, next_button

from .crawling import ROOT, SECONDS, command, crawl, environment, start
from .served import Answer, Gate, Lab, answering, laboratory, redirecting, site

WORLD = World.create(150)
LOGIN = "/account/authentication/new"
SALE = "/en/properties/properties-for-sale"


@dataclass
class Busy:
    """Answers 429 to a page: to the one of this number alone, or from it on."""

    page: int
    retry_after: str
    always: bool = False
    seen: int = 0
    said_at: list[float] = field(default_factory=list)

    def __call__(self, request: web.Request) -> Answer | None:
        self.seen += request.path != "/robots.txt"
        is_told = self.seen == self.page or (self.always and self.seen > self.page)
        return self._say if is_told and request.path != "/robots.txt" else None

    async def _say(self, _: web.Request) -> web.StreamResponse:
        self.said_at.append(time.monotonic())
        return web.Response(status=429, headers={"Retry-After": self.retry_after})


def want(engine: Engine, count: int) -> None:
    wanted = [
        Want(f"pincali:{listing.public_id}", f"https://www.pincali.com/en/home/{listing.slug}", "new_property")
        for listing in WORLD.listings[:count]
    ]
    with engine.begin() as connection:
        queue.enqueue(connection, "pincali", wanted)


def three_crawls(database_url: str, lab: Lab, *, delay: str, pages: int) -> list["subprocess.Popen[str]"]:
    extra = {"PROPSPIDER_PORTALS__PINCALI__DELAY_SECONDS": delay}
    return [
        start(*arguments, database_url=database_url, base_url=lab.base_url, **extra)
        for arguments in (
            ("manifest", "scope=sale", f"pages={pages}"),
            ("manifest", "scope=rent", f"pages={pages}"),
            ("detail", f"limit={pages}"),
        )
    ]


def finished(processes: Sequence["subprocess.Popen[str]"]) -> None:
    try:
        for process in processes:
            _, told = process.communicate(timeout=SECONDS)
            assert process.returncode == 0, told
    finally:
        for process in processes:
            process.kill()


def times(lab: Lab) -> list[float]:
    return [asked.monotonic for asked in lab.app[REQUESTS]]


def test_three_processes_keep_one_pace(engine: Engine, database_url: str) -> None:
    want(engine, 3)
    with laboratory(WORLD) as lab:
        finished(three_crawls(database_url, lab, delay="1", pages=2))
        gaps = [later - earlier for earlier, later in pairwise(times(lab))]
    assert len(gaps) + 1 >= 3 * (1 + 2)
    assert min(gaps) >= 0.95, gaps
    assert column(engine, "SELECT DISTINCT status FROM scraping_sessions") == ["completed"]


def test_what_one_process_is_told_every_process_waits_for(engine: Engine, database_url: str) -> None:
    want(engine, 3)
    busy = Busy(page=3, retry_after="3")
    with laboratory(WORLD, fault=busy) as lab:
        finished(three_crawls(database_url, lab, delay="0.5", pages=2))
        (said_at,) = busy.said_at
        after = [moment - said_at for moment in times(lab) if moment > said_at]
    assert len(after) >= 3
    assert min(after) >= 3, after
    assert column(engine, "SELECT DISTINCT status FROM scraping_sessions") == ["completed"]
    assert scalar(engine, "SELECT strikes FROM host_pacing") == 0


def test_who_is_asked_to_wait_for_an_hour_gives_its_claims_back_and_goes(engine: Engine, database_url: str) -> None:
    want(engine, 30)
    with laboratory(WORLD, fault=Busy(page=1, retry_after="3600", always=True)) as lab:
        done = crawl("detail", database_url=database_url, base_url=lab.base_url)
        asked = [path for path in lab.paths if path != "/robots.txt"]
        assert (done.code, done.lines[-1]) == (1, "crawl failed: throttled")
        # Sixteen are under way when the first of them is told; none is sent again.
        assert len(asked) == len(set(asked)) <= 16
        session = one(engine, "SELECT * FROM scraping_sessions")
        assert (session["status"], session["finish_reason"]) == ("failed", "throttled")
        assert rows(engine, "SELECT DISTINCT status, attempt_count FROM scrape_queue") == [
            {"status": "pending", "attempt_count": 0}
        ]
        assert set(column(engine, "SELECT error_type FROM scraping_errors")) == {"blocked"}
        # By now the portal is paused: nothing starts, and no session says otherwise.
        again = crawl("manifest", database_url=database_url, base_url=lab.base_url)
        assert [path for path in lab.paths if path != "/robots.txt"] == asked
    (line,) = again.lines
    assert again.code == 1
    assert line.startswith("propspider: pincali is paused since ")
    assert "(throttled: Throttled: " in line
    assert line.endswith("propspider resume --portal pincali")
    assert scalar(engine, "SELECT count(*) FROM scraping_sessions") == 1


def test_too_many_requests_for_ever_is_a_block(engine: Engine, database_url: str) -> None:
    with laboratory(WORLD, fault=Busy(page=1, retry_after="0", always=True)) as lab:
        done = crawl("manifest", "scope=sale", database_url=database_url, base_url=lab.base_url)
        assert [path for path in lab.paths if path != "/robots.txt"] == [SALE] * 4
    assert done.lines[-1] == "crawl failed: blocked"
    pause = one(engine, "SELECT * FROM portal_pauses")
    assert (pause["portal"], pause["reason"], pause["times"]) == ("pincali", "blocked: status 429", 1)
    alert = one(engine, "SELECT * FROM alerts WHERE kind = 'block'")
    assert (alert["kind"], alert["severity"], alert["resolved_at"]) == ("block", "critical", None)


def test_a_running_crawl_ends_when_its_portal_is_paused(engine: Engine, database_url: str) -> None:
    want(engine, 100)
    gate = Gate(free=2)
    with laboratory(WORLD, gate) as lab:
        process = subprocess.Popen(
            [*command("detail"), "-s", "HEARTBEAT_SECONDS=0.1"],
            cwd=ROOT,
            env=environment(database_url, lab.base_url),
            stderr=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + SECONDS
            while gate.passed < 3:  # each look takes what the database takes
                scalar(engine, "SELECT 1")
                assert time.monotonic() < deadline
            with engine.begin() as connection:
                breaker.pause(connection, breaker.EVERY_PORTAL, "maintenance", "ana")
            beaten = "SELECT count(*) FROM scraping_sessions WHERE heartbeat_at > :at"
            at = scalar(engine, "SELECT clock_timestamp()")
            while not scalar(engine, beaten, at=at):
                assert time.monotonic() < deadline
            gate.opened.set()
            assert process.wait(timeout=SECONDS) == 0
        finally:
            process.kill()
            process.wait()
    session = one(engine, "SELECT * FROM scraping_sessions")
    assert (session["status"], session["finish_reason"]) == ("cancelled", "paused")
    assert scalar(engine, "SELECT count(*) FROM scrape_queue WHERE claims > 0") <= 50
    assert scalar(engine, "SELECT count(*) FROM scrape_queue WHERE status = 'in_progress'") == 0
    assert rows(engine, "SELECT * FROM alerts") == []


def test_a_crawl_that_no_command_starts_is_stopped_by_a_pause_as_well(engine: Engine, database_url: str) -> None:
    with engine.begin() as connection:
        breaker.pause(connection, "pincali", "maintenance", "ana")
    code = """
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.utils.project import get_project_settings
process = AsyncCrawlerProcess(get_project_settings())
process.crawl("manifest")
process.start()
"""
    with laboratory(WORLD) as lab:
        env = environment(database_url, lab.base_url)
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert lab.paths == []
    assert "Closing spider (not started: pincali is paused since " in done.stderr
    assert "Traceback" not in done.stderr
    assert scalar(engine, "SELECT count(*) FROM scraping_sessions") == 0


@pytest.mark.parametrize("wall", ["login", "shell"])
def test_pages_that_are_none_of_the_portals_one_after_another_are_a_block(engine: Engine, database_url: str, wall: str) -> None:
    """No sign of portal.toml tells of them."""
    want(engine, 30)
    shown = redirecting(LOGIN) if wall == "login" else answering("<html><body>Please enable JavaScript</body></html>")
    paths = [f"/en/home/{listing.slug}" for listing in WORLD.listings[:30]]
    with site({LOGIN: answering("<html>log in</html>"), **dict.fromkeys(paths, shown)}) as portal:
        extra = {"PROPSPIDER_PORTALS__PINCALI__DELAY_SECONDS": "0.05"}
        done = crawl("detail", database_url=database_url, base_url=portal.base_url, extra=extra)
        asked = [path for path in portal.requested if path.startswith("/en/home/")]
    assert done.lines[-1] == "crawl failed: blocked"
    # Sixteen stand in line; where they are led to waits behind them.
    assert 5 <= len(asked) <= (20 if wall == "login" else 7)
    found = column(engine, "SELECT error_type FROM scraping_errors ORDER BY id")
    assert found[:5] == [*["login" if wall == "login" else "wrong_page"] * 4, "blocked"]
    assert scalar(engine, "SELECT reason FROM portal_pauses").startswith(
        "blocked: 5 pages in a row were not what was asked for; "
    )


@pytest.mark.parametrize("gone", [12, 40])
def test_listings_that_are_gone_may_lead_to_a_search_one_after_another(engine: Engine, database_url: str, gone: int) -> None:
    """Forty, and nothing else between: then it is the portal that sends everybody away."""
    want(engine, gone)
    paths = [f"/en/home/{listing.slug}" for listing in WORLD.listings[:gone]]
    search = listing_page(card(key="EB-CD7001", number=7001, href="/en/home/c7001"), total="1", current=1, following="")
    with site({SALE: answering(search), **dict.fromkeys(paths, redirecting(SALE))}) as portal:
        done = crawl("detail", database_url=database_url, base_url=portal.base_url)
    errors = column(engine, "SELECT error_type FROM scraping_errors ORDER BY id")
    if gone == 12:
        assert errors == ["wrong_page"] * 12
        assert done.lines[-1] == "crawl failed: nothing could be read"
    else:
        assert errors[:25] == [*["wrong_page"] * 24, "blocked"]
        assert done.lines[-1] == "crawl failed: blocked"


def test_a_good_page_between_them_is_none(engine: Engine, database_url: str) -> None:
    def page_of(number: int) -> str:
        first = 7_100_000 + number * 10
        cards = [card(key=f"EB-CD{first + i}", number=first + i, href=f"/en/home/c{first + i}") for i in range(2)]
        return listing_page(*cards, total="14", current=number, following=next_button(number + 1) if number < 7 else "")

    nothing = answering("<html>nothing of ours</html>")
    pages = {f"{SALE}?page={n}": nothing if n in {2, 3, 5, 6} else answering(page_of(n)) for n in range(2, 8)}
    with site({SALE: answering(page_of(1)), **pages}) as portal:
        extra = {"PROPSPIDER_PORTALS__PINCALI__DELAY_SECONDS": "0.05"}
        crawl("manifest", "scope=sale", database_url=database_url, base_url=portal.base_url, extra=extra)
    assert "blocked" not in column(engine, "SELECT error_type FROM scraping_errors")
    assert rows(engine, "SELECT * FROM portal_pauses") == []
