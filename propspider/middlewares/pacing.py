"""One reservation per request, robots.txt and retries included; the database keeps a host's pace for every process."""

import asyncio
from collections import defaultdict
from typing import Self

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.robotstxt import RobotParser
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.spider import DefaultSpider

from propspider import clock


class PacingMiddleware:
    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._crawl_delays: dict[str, float] = {}
        # Without it, sixteen concurrent requests would hold sixteen reservations ahead: other processes would wait for them,
        # a host's back-off would come too late for them, and a killed crawl would leave them unused.
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

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
        host = urlparse_cached(request).netloc
        # The browser's handler asks for the turn of a page when the tab for it is open: that may take as long as a turn.
        if self.delay_seconds(host) <= 0 or request.meta.get("playwright"):
            return
        async with self._turns[host]:
            # Asked again: robots.txt may have been read while this request stood in the line.
            wait = await asyncio.to_thread(_reserve, host, self.delay_seconds(host))
            await clock.sleep(wait)


def _reserve(host: str, delay_seconds: float) -> float:
    # Imported here: a crawl without a pace, such as one of the laboratory's, never touches the database for it.
    from propspider.db.engine import get_engine
    from propspider.db.transactions import in_transaction
    from propspider.sync.pacing import reserve

    return in_transaction(get_engine(), lambda connection: reserve(connection, host, delay_seconds))
