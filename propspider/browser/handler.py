"""scrapy-playwright, bounded: a page that crashes, hangs or eats memory fails alone, and the next one gets a fresh browser."""

import asyncio
import logging
import os
from itertools import cycle
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import structlog
from playwright.async_api import Browser, Page
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeoutError
from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider, DownloadFailedError
from scrapy.http import Response
from scrapy_playwright.handler import BrowserContextWrapper, ScrapyPlaywrightDownloadHandler

from propspider import config as environment
from propspider import cookies
from propspider.browser import BrowserUnavailable
from propspider.browser.crawl_settings import PAGES
from propspider.browser.guard import Guard
from propspider.browser.own_hosts_proxy import OwnHostsProxy
from propspider.browser.seats import Seats
from propspider.config import PortalOverride

QUIET_MS = 5000.0
"""How long a page may go on loading by itself. One that polls is never quiet."""
START_SECONDS = 60.0
CLOSE_SECONDS = 40.0  # Playwright kills a browser that does not close within 30

log = structlog.get_logger(__name__)


class PageLost(Exception):
    """The page crashed, or its browser did."""


class PageTooSlow(Exception):
    """The page was not rendered within PROPSPIDER_BROWSER_TIMEOUT_SECONDS."""


class NotAPage(Exception):
    """The URL brought a file to save."""


class PageTooLarge(Exception):
    """The rendered page is larger than DOWNLOAD_MAXSIZE."""


class BrowserHandler(ScrapyPlaywrightDownloadHandler):  # type: ignore[misc] # untyped
    """One a crawl, for http and https: each instance would start a Node process and a browser of its own."""

    lazy = False
    _of: ClassVar[WeakKeyDictionary[Crawler, Self]] = WeakKeyDictionary()

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._pool.retryAutomatically = False  # as OnceHandler
        logging.getLogger("scrapy-playwright").setLevel(logging.ERROR)  # the error row tells of a page that failed
        self._environment = environment.load()
        portal = crawler.spider.portal  # type: ignore[union-attr]
        self._guard = Guard(crawler, portal.hosts)
        self._proxy = OwnHostsProxy(
            portal.hosts, allow_private=self._environment.allow_private, refused=lambda _: self._guard.count("at_proxy")
        )
        self._cookies = _cookies(self._environment.portals.get(portal.name), portal.hosts)
        self._agents = cycle(self._environment.user_agents or (crawler.settings["USER_AGENT"],))
        self._seats = Seats(PAGES)
        self._pages: WeakKeyDictionary[Request, Page] = WeakKeyDictionary()
        self._browsers = 0
        self._closed = False
        self.abort_request = self._guard.refuses
        crawler.signals.connect(self._open, signals.spider_opened)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if crawler not in cls._of:
            cls._of[crawler] = cls(crawler)
        return cls._of[crawler]

    async def _open(self) -> None:
        """Before the first request, so that a browser that does not start costs no attempt of any listing."""
        options = self.config.launch_options
        is_root = hasattr(os, "geteuid") and os.geteuid() == 0
        options["chromium_sandbox"] = not is_root
        if is_root:
            log.warning("browser without sandbox", reason="Chromium's sandbox does not work as root; run as another user")
        options["proxy"] = {"server": await self._proxy.start(), "bypass": "<-loopback>"}
        # Names are resolved at the proxy; a page that makes the browser look one up tells somebody by that alone.
        options["args"] = [*options["args"], "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
        try:
            await asyncio.wait_for(self._start(), START_SECONDS)
        except (PlaywrightError, OSError, TimeoutError, BrowserUnavailable) as error:
            log.error("browser does not start", browser=options["executable_path"], reason=_first_line(error))
            raise CloseSpider("browser_unavailable") from error

    async def _start(self) -> None:
        await self._launch()
        await self._maybe_launch_browser()

    async def _maybe_launch_in_thread(self) -> None:
        """At engine_started scrapy-playwright starts what `_open` has started."""

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await super().close()
            await self._proxy.close()
            self._of.pop(self._crawler, None)

    async def _download_request(self, request: Request, spider: Spider | None = None) -> Response:
        request.meta["playwright_page_goto_kwargs"] = {"wait_until": "domcontentloaded"}
        async with self._seats.one():
            await self._maybe_launch_browser()
            browser = self.browser
            try:
                return await self._render(request)
            except (PageLost, PageTooSlow) as error:
                failure, beside_others = error, self._seats.shared
        async with self._seats.all():
            await self._discard(browser)
            if not (isinstance(failure, PageLost) and beside_others):
                raise failure
            # Perhaps a neighbour's page took the browser down. Alone it shows whose fault it was.
            self.stats.inc_value("propspider/browser/rendered_again")
            await self._maybe_launch_browser()
            browser = self.browser
            try:
                return await self._render(request)
            except (PageLost, PageTooSlow):
                await self._discard(browser)
                raise

    async def _render(self, request: Request) -> Response:
        request.meta["playwright_context"] = f"browser-{self._browsers}"
        seconds = self._environment.browser_timeout_seconds
        try:
            page = await asyncio.wait_for(self._create_page(request, self._crawler.spider), seconds)
            request.meta["playwright_page"] = page
            try:
                await self._guard.pace(request.url)
            except BaseException:
                await page.close()  # whoever fetches a page closes it: this one will not be fetched
                raise
            response: Response = await asyncio.wait_for(self._download_request_with_retry(request, self._crawler.spider), seconds)
        except TimeoutError:
            raise PageTooSlow(f"not rendered within {seconds:g} s") from None
        except PlaywrightError as error:
            raise self._explained(request, error) from error
        finally:
            # Scrapy's redirect and retry copies of it, and whoever keeps requests, have no business with cookies.
            request.headers.pop("Cookie", None)
            request.meta.pop("playwright_page", None)
        shown = self._pages.get(request)
        if shown is not None and (refusal := self._guard.led_away(shown)) is not None:
            raise refusal
        if len(response.body) > self._crawler.settings.getint("DOWNLOAD_MAXSIZE"):
            raise PageTooLarge(f"{len(response.body)} bytes")
        return response

    def _explained(self, request: Request, error: PlaywrightError) -> Exception:
        page = self._pages.get(request)
        if page is not None and (refusal := self._guard.led_away(page)) is not None:
            return refusal
        line = _first_line(error)
        if "crashed" in line or "has been closed" in line or not self._is_alive():
            return PageLost(line)
        trouble = self._proxy.troubles.get(urlsplit(request.url).netloc)
        return DownloadFailedError(f"{line} ({trouble})" if trouble else line)

    async def _get_response_and_download(self, request: Request, page: Page, spider: Spider) -> tuple[Any, None]:
        """Downloads are off. One that a frame of the page tries to start is no failure of the page."""
        response, _ = await super()._get_response_and_download(request, page, spider)
        if response is None:
            raise NotAPage("it is a file to download")
        return response, None

    async def _create_page(self, request: Request, spider: Spider) -> Page:
        page: Page = await super()._create_page(request, spider)
        self._pages[request] = page
        self._guard.watch(page)
        return page

    async def _create_browser_context(
        self, name: str, context_kwargs: dict[str, Any] | None, spider: Spider | None = None
    ) -> BrowserContextWrapper:
        own = {
            "user_agent": next(self._agents),
            "accept_downloads": False,
            "service_workers": "block",
        }
        wrapper = await super()._create_browser_context(name, {**(context_kwargs or {}), **own}, spider)
        try:
            await self._guard.confine(wrapper.context)
            await wrapper.context.add_cookies(self._cookies)
        except PlaywrightError:
            self.context_wrappers.pop(name, None)
            raise
        return wrapper

    async def _apply_page_methods(self, page: Page, request: Request, spider: Spider) -> None:
        """Until nothing is loading, or the page will not stop loading: what it shows then is read."""
        rounds = max(1, int(self._environment.browser_timeout_seconds * 1000 / 2 / QUIET_MS))
        for _ in range(rounds):
            try:
                await page.wait_for_load_state("networkidle", timeout=QUIET_MS)
            except PlaywrightTimeoutError:
                if self._guard.is_waiting(page):  # for its turn under the host's pace
                    continue
            return

    async def _maybe_launch_browser(self) -> None:
        async with self.browser_launch_lock:
            if self._is_alive():
                return
            self.context_wrappers.clear()
            try:
                self.browser = await self.browser_provider.launch_browser()
            except PlaywrightError as error:
                raise BrowserUnavailable(_first_line(error)) from error
            self._browsers += 1
            self.stats.inc_value("playwright/browser_count")

    def _is_alive(self) -> bool:
        return hasattr(self, "browser") and self.browser.is_connected()

    async def _discard(self, browser: Browser) -> None:
        """Unless somebody else has done it."""
        if getattr(self, "browser", None) is not browser:
            return
        del self.browser
        self.context_wrappers.clear()
        try:
            await asyncio.wait_for(browser.close(), CLOSE_SECONDS)
        except (PlaywrightError, TimeoutError) as error:
            log.info("browser did not close", reason=_first_line(error))


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _cookies(override: PortalOverride | None, hosts: frozenset[str]) -> list[Any]:
    if override is None or override.cookies_file is None:
        return []
    return [_for_context(cookie) for cookie in cookies.load(override.cookies_file, hosts).cookies]


def _for_context(cookie: cookies.Cookie) -> dict[str, Any]:
    return {
        "name": cookie.name,
        "value": cookie.value,
        "domain": cookie.domain if cookie.host_only else f".{cookie.domain}",
        "path": cookie.path,
        "secure": cookie.secure,
        "httpOnly": cookie.http_only,
        "expires": -1 if cookie.expires is None else cookie.expires,
    }
