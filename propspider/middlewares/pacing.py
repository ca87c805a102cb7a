"""One turn per request, robots.txt and retries included; the database keeps a host's pace and its holds for every process."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import ClassVar, Self, TypeVar

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.robotstxt import RobotParser
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.spider import DefaultSpider
from sqlalchemy import Connection

from propspider import clock
from propspider.db.engine import get_engine
from propspider.db.transactions import in_transaction
from propspider.items import ErrorType
from propspider.middlewares.reach import Refused
from propspider.middlewares.retry_after import http_date, retry_after_seconds
from propspider.sync import pacing

T = TypeVar("T")

LOOK_SECONDS = 2.0
"""How long a request that waits may keep a crawl that is closing."""
TOO_BUSY = frozenset({429, 503})


class Throttled(Refused):
    """The host asked to be left alone for longer than a request waits."""

    error_type: ClassVar[ErrorType] = ErrorType.BLOCKED


class CrawlEnding(Refused):
    """The crawl is closing: a request that stood in line is not sent any more, and says nothing of its page."""


class PacingMiddleware:
    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._crawl_delays: dict[str, float] = {}
        # Without it, sixteen concurrent requests would hold sixteen reservations ahead: other processes would wait for them,
        # a host's back-off would come too late for them, and a killed crawl would leave them unused.
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._struck: set[str] = set()
        """Hosts that said "too busy", to this process or another, and not yet anything better."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        middleware = cls(crawler)
        crawler.signals.connect(middleware.learn_crawl_delay, signal=signals.robots_parsed)
        return middleware

    def learn_crawl_delay(self, robotparser: RobotParser, request: Request) -> None:
        settings = self._crawler.settings
        delay = robotparser.crawl_delay(settings["ROBOTSTXT_USER_AGENT"] or settings["USER_AGENT"])
        if delay is not None:
            self._crawl_delays[urlparse_cached(request).netloc] = delay

    def delay_seconds(self, host: str) -> float:
        """`host` is a netloc. 0 = as fast as it goes, without asking the database."""
        spider = self._crawler.spider
        own = 0.0 if isinstance(spider, DefaultSpider) else float(spider.delay_seconds)  # type: ignore[union-attr]
        return max(own, self._crawl_delays.get(host, 0.0))

    async def process_request(self, request: Request) -> None:
        """Raises Throttled, CrawlEnding."""
        self._check_open()
        host = urlparse_cached(request).netloc
        # The browser's handler asks for the turn of a page when the tab for it is open: that may take as long as a turn.
        if request.meta.get("playwright") or (self.delay_seconds(host) <= 0 and host not in self._struck):
            return
        async with self._turns[host]:
            self._check_open()
            await self._turn(host)

    async def process_response(self, request: Request, response: Response) -> Response:
        said, at = (response.headers.get(name) or b"" for name in ("Retry-After", "Date"))
        await self.heard(request.url, response.status, said.decode("latin-1"), at.decode("latin-1"))
        return response

    async def heard(self, url: str, status: int, retry_after: str | None, date: str | None) -> None:
        """What a host's answer says of its pace. `date` is its own clock, against which an HTTP-date is read."""
        host = urlparse_cached(Request(url)).netloc
        if status in TOO_BUSY:
            self._struck.add(host)
            seconds = retry_after_seconds(retry_after, now=http_date(date or "") or clock.now())
            await _in_database(lambda connection: pacing.hold(connection, host, seconds))
        elif host in self._struck and _is_good(status) and await _in_database(lambda c: pacing.calm(c, host)):
            self._struck.discard(host)

    async def _turn(self, host: str) -> None:
        # Asked here: robots.txt may have been read while this request stood in the line.
        delay = self.delay_seconds(host)
        try:
            turn = await _in_database(lambda connection: pacing.reserve(connection, host, delay))
            if turn.strikes:
                self._struck.add(host)
            wait = turn.wait_seconds
            while True:
                await self._sleep(wait)
                # What was said to any process meanwhile holds for this request too.
                wait = await _in_database(lambda connection: pacing.ask(connection, host, delay))
                if not wait:
                    return
        except pacing.HostHeld as held:
            self._crawler.stats.inc_value("propspider/throttled")
            raise Throttled(str(held)) from None

    async def _sleep(self, seconds: float) -> None:
        """Not on and on for a crawl that is closing."""
        while seconds > 0:
            await clock.sleep(min(seconds, LOOK_SECONDS))
            seconds -= LOOK_SECONDS
            self._check_open()

    def _check_open(self) -> None:
        # No public name tells: Scrapy closes a spider by waiting for what is under way, sixteen turns of a host after a block.
        slot = getattr(self._crawler.engine, "_slot", None)
        if slot is not None and slot.closing is not None:
            raise CrawlEnding("the crawl is closing")


def _is_good(status: int) -> bool:
    """A wall or an error is no sign that the host has recovered."""
    return status < 400 or status in {404, 410}


async def _in_database(work: Callable[[Connection], T]) -> T:
    return await asyncio.to_thread(lambda: in_transaction(get_engine(), work))
