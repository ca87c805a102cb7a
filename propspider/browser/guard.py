"""What a page may load: its own hosts' documents, scripts and data, under the same robots.txt and pace as any other request."""

from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from playwright.async_api import BrowserContext, Page, Route, WebSocket
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Request as PlaywrightRequest
from playwright.async_api import Response as PlaywrightResponse
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from sqlalchemy.exc import SQLAlchemyError

from propspider.db.engine import DatabaseUnavailable
from propspider.db.transactions import ConnectionLost
from propspider.middlewares.pacing import TOO_BUSY, CrawlEnding, PacingMiddleware, Throttled
from propspider.middlewares.reach import OffSite, ReachMiddleware, Refused, is_own
from propspider.middlewares.robots import RobotsMiddleware

UNREAD = frozenset({"image", "stylesheet", "font", "media", "texttrack", "manifest", "ping", "cspviolationreport"})
_LOCAL = ("data:", "blob:", "about:")
_MIDDLEWARES = (ReachMiddleware, RobotsMiddleware, PacingMiddleware)

log = structlog.get_logger(__name__)


class Guard:
    """Knows, per page, whether it was led elsewhere: the page that stands in the tab is then not the portal's."""

    def __init__(self, crawler: Crawler, hosts: frozenset[str]) -> None:
        self._crawler = crawler
        self._hosts = hosts
        self._asked_for: WeakKeyDictionary[Page, str] = WeakKeyDictionary()
        self._waiting: WeakKeyDictionary[Page, int] = WeakKeyDictionary()
        self._led_away: WeakKeyDictionary[Page, Refused] = WeakKeyDictionary()

    def watch(self, page: Page) -> None:
        page.on("request", self._redirected)
        page.on("response", self._answered)
        page.on("websocket", self._opened)
        page.on("popup", _close)

    async def confine(self, context: BrowserContext) -> None:
        """Routes of a page of ours come first: this one meets what is no such page, above all popups."""
        await context.route("**", self._abort)

    def is_waiting(self, page: Page) -> bool:
        return self._waiting.get(page, 0) > 0

    async def pace(self, url: str) -> None:
        await self._pass(url, PacingMiddleware)

    def led_away(self, page: Page) -> Refused | None:
        return self._led_away.get(page)

    async def refuses(self, request: PlaywrightRequest) -> bool:
        """Waits for the request's turn when it may go."""
        if request.url.startswith(_LOCAL):
            return False
        if request.resource_type in UNREAD:
            return True
        try:
            page = request.frame.page
        except PlaywrightError:  # a frame that is not there any more
            return True
        leads = _leads(request)
        if leads and page not in self._asked_for:
            self._asked_for[page] = request.url  # Scrapy's own request: it has passed the middlewares and had its turn
            return False
        self._waiting[page] = self._waiting.get(page, 0) + 1
        try:
            return await self._stopped(request.url, page, leads=leads)
        finally:
            self._waiting[page] -= 1

    async def _stopped(self, url: str, page: Page, *, leads: bool) -> bool:
        """`leads`: the page would stand at `url`."""
        if not is_own(url, self._hosts):
            self.count("off_site")
            log.debug("browser request refused", url=url)
            if leads:
                self._led_away[page] = OffSite(f"the page leads to {url[:200]}, which is not on the portal's own hosts")
            return True
        try:
            await self._pass(url, *_MIDDLEWARES)
        except IgnoreRequest as refusal:
            self.count("not_allowed")
            # A page whose data was not asked for is no page of its listing.
            if isinstance(refusal, Throttled | CrawlEnding) or (leads and isinstance(refusal, Refused)):
                self._led_away[page] = refusal
            return True
        except (SQLAlchemyError, DatabaseUnavailable, ConnectionLost) as error:
            # Raised here it would leave the request hanging; the page's own item will meet the database next.
            log.warning("host's pace not known", reason=str(error))
            return True
        return False

    async def _pass(self, url: str, *middlewares: type[Any]) -> None:
        for kind in middlewares:
            middleware: Any = self._crawler.get_downloader_middleware(kind)
            if middleware is not None:
                await middleware.process_request(Request(url))

    async def _redirected(self, request: PlaywrightRequest) -> None:
        """The browser follows redirects without asking. One that leaves ends at the proxy; one that stays is counted late."""
        if request.redirected_from is not None:
            await self._stopped(request.url, request.frame.page, leads=_leads(request))

    async def _answered(self, response: PlaywrightResponse) -> None:
        """What a script was told holds for every request. The page's own answer passes the middlewares."""
        if response.status not in TOO_BUSY or not is_own(response.url, self._hosts):
            return
        pacing: Any = self._crawler.get_downloader_middleware(PacingMiddleware)
        if pacing is not None:
            said = response.headers
            try:
                await pacing.heard(response.url, response.status, said.get("retry-after"), said.get("date"))
            except (SQLAlchemyError, DatabaseUnavailable, ConnectionLost) as error:
                log.warning("host's pace not known", reason=str(error))

    async def _opened(self, socket: WebSocket) -> None:
        if is_own(socket.url.replace("ws", "http", 1), self._hosts):
            with suppress(Refused):  # it is open already, and only counted
                await self.pace(socket.url.replace("ws", "http", 1))

    async def _abort(self, route: Route) -> None:
        self.count("popup")
        await route.abort()

    def count(self, what: str) -> None:
        self._crawler.stats.inc_value(f"propspider/browser/refused/{what}")


def _leads(request: PlaywrightRequest) -> bool:
    """True for what will stand in the tab itself."""
    return request.is_navigation_request() and request.frame.parent_frame is None


async def _close(popup: Page) -> None:
    try:
        await popup.close()
    except PlaywrightError:
        return  # gone with its opener
