"""robots.txt as RFC 9309 has it: a file that cannot be had closes the host, a file that is not there opens it."""

import asyncio
from collections import defaultdict
from typing import ClassVar

import structlog
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.robotstxt import RobotParser
from scrapy.utils.httpobj import urlparse_cached

from propspider import config
from propspider.items import ErrorType
from propspider.middlewares.pacing import CrawlEnding, Throttled
from propspider.middlewares.reach import Refused

log = structlog.get_logger(__name__)

_CLOSED = b"User-agent: *\nDisallow: /"


class RobotsForbidden(Refused):
    """robots.txt disallows the URL."""

    error_type: ClassVar[ErrorType] = ErrorType.ROBOTS


class RobotsUnreadable(RobotsForbidden):
    """robots.txt could not be had, so nothing on its host may be fetched in this crawl; says nothing about the URL itself."""

    error_type: ClassVar[ErrorType] = ErrorType.BLOCKED


class RobotsMiddleware(RobotsTxtMiddleware):
    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        # Scrapy 2.14 to 2.19 lets every second and later waiter for the same robots.txt through: they share one Deferred
        # whose result the first of them consumes. With one request at a time nobody waits on that Deferred.
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._unreadable: dict[str, str] = {}
        self._not_asked: dict[str, Refused] = {}
        self._overrides = config.load().portals

    async def robot_parser(self, request: Request) -> RobotParser | None:
        if not self._obeys():
            return None
        async with self._turns[urlparse_cached(request).netloc]:
            return await super().robot_parser(request)

    def process_request_2(self, rp: RobotParser | None, request: Request) -> None:
        try:
            super().process_request_2(rp, request)
        except IgnoreRequest:
            host = urlparse_cached(request).netloc
            if refusal := self._not_asked.get(host):
                raise type(refusal)(str(refusal)) from None
            if reason := self._unreadable.get(host):
                raise RobotsUnreadable(f"robots.txt could not be read: {reason}") from None
            raise RobotsForbidden("robots.txt disallows it") from None

    async def _parse_robots(self, response: Response, netloc: str, request: Request) -> None:
        # The body of an error page is not a robots.txt, whatever it contains.
        if _is_unreadable(response.status):
            self._close(netloc, f"status {response.status}")
            response = response.replace(body=_CLOSED)
        elif not 200 <= response.status < 300:
            response = response.replace(body=b"")
        await super()._parse_robots(response, netloc, request)

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        if isinstance(exc, Throttled | CrawlEnding):
            self._not_asked[netloc] = exc
        else:
            self._close(netloc, f"{type(exc).__name__}: {exc}")
        super()._robots_error(exc, netloc)
        self._parsers[netloc] = self._parserimpl.from_crawler(self.crawler, _CLOSED)

    def _close(self, netloc: str, reason: str) -> None:
        self._unreadable[netloc] = reason
        log.warning("robots.txt unreadable", host=netloc, reason=reason)

    def _obeys(self) -> bool:
        portal = getattr(self.crawler.spider, "portal", None)
        override = self._overrides.get(portal.name) if portal else None
        return override is None or override.obey_robots is not False


def _is_unreadable(status: int) -> bool:
    """202 is how a challenge page answers, 429 says "later": neither is the site's word that there is no robots.txt."""
    return status in {202, 429} or status >= 500 or 300 <= status < 400
