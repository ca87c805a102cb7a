"""The simulated Pincali over HTTP."""

import re
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from propspider.lab import sitemap
from propspider.lab.catalogue import Language
from propspider.lab.faults import Faults
from propspider.lab.pages import DETAIL_ROOTS, LOGIN_PATH, SITE, Pages
from propspider.lab.scopes import LISTING_ROOTS, Filter, read_walk
from propspider.lab.world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_PART_NAME = re.compile(r"properties-(?P<number>[1-9][0-9]{0,5})\.xml\.gz")
KEPT_REQUESTS = 100_000
REQUESTS = web.AppKey("requests", deque[tuple[float, str, str]])
"""(time.monotonic(), method, path with query) of the last 100,000 requests, oldest first."""


@dataclass
class Shown:
    """The pages that are served now; a request keeps to those it began with."""

    pages: Pages
    of_world: Callable[[World], Pages]


SHOWN = web.AppKey("shown", Shown)


def create_app(
    world: World,
    *,
    page_size: int = 24,
    page_cap: int | None = 10,
    crawl_delay: float | None = None,
    ignores: frozenset[Filter] = frozenset(),
    sitemap_base: str | None = None,
    sitemap_size: int = sitemap.PART_SIZE,
    faults: Faults | None = None,
) -> web.Application:
    """`page_cap` is the last page that is served of one walk, None for no cap; `crawl_delay` in seconds, for robots.txt.

    `ignores`: filters that are silently without effect, as if the URL did not name them. The index of the sitemap names its
    parts, of `sitemap_size` URLs each, on the portal's own host, or on `sitemap_base` (scheme and host of a second application),
    where this one serves none. `faults`: what goes wrong with its answers.
    """
    app = web.Application(middlewares=[_log_request, *([faults.middleware] if faults else [])])
    app[REQUESTS] = deque(maxlen=KEPT_REQUESTS)
    of_world = partial(Pages, page_size=page_size, page_cap=page_cap, ignores=ignores)
    app[SHOWN] = Shown(of_world(world), of_world)
    app.router.add_get("/robots.txt", _robots(crawl_delay))
    app.router.add_get("/sitemap.xml", _sitemap_index(sitemap_base or SITE, sitemap_size))
    if sitemap_base is None:
        app.router.add_get("/sitemaps/{name}", _sitemap_part(sitemap_size))
    app.router.add_get("/", _plain("home.html", "es"))
    app.router.add_get("/en", _plain("home.html", "en"))
    app.router.add_get(LOGIN_PATH, _plain("login.html", "en"))
    for language, root in LISTING_ROOTS.items():
        app.router.add_get(root + "/{slug}", _listing(language))
    for language, root in DETAIL_ROOTS.items():
        app.router.add_get(root + "/{slug}", _detail(language))
    return app


def set_world(app: web.Application, world: World) -> None:
    """From the next request on the portal is another world; from any thread, while it is served."""
    shown = app[SHOWN]
    shown.pages = shown.of_world(world)


@web.middleware
async def _log_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    request.app[REQUESTS].append((time.monotonic(), request.method, request.path_qs))
    return await handler(request)


def _html(pages: Pages, body: bytes | None, language: Language) -> web.Response:
    if body is None:
        return web.Response(body=pages.plain("not_found.html", language), status=404, content_type="text/html", charset="utf-8")
    return web.Response(body=body, content_type="text/html", charset="utf-8")


def _listing(language: Language) -> Handler:
    async def respond(request: web.Request) -> web.StreamResponse:
        pages, page = request.app[SHOWN].pages, request.query.get("page", "1")
        walk = read_walk(request.match_info["slug"], request.query, language)
        if walk is None or not (page.isascii() and page.isdigit() and len(page) < 10):
            return _html(pages, None, language)
        scope, filters = walk
        return _html(pages, pages.listing(scope, language, int(page), filters), language)

    return respond


def _detail(language: Language) -> Handler:
    async def respond(request: web.Request) -> web.StreamResponse:
        pages = request.app[SHOWN].pages
        return _html(pages, pages.detail(request.match_info["slug"], language), language)

    return respond


def _plain(template: str, language: Language) -> Handler:
    async def respond(request: web.Request) -> web.StreamResponse:
        pages = request.app[SHOWN].pages
        return _html(pages, pages.plain(template, language), language)

    return respond


def _robots(crawl_delay: float | None) -> Handler:
    async def respond(request: web.Request) -> web.StreamResponse:
        lines = ["User-agent: *", "Disallow: /en/account", "Disallow: /private/"]
        if crawl_delay is not None:
            lines.append(f"Crawl-delay: {crawl_delay:g}")
        lines += ["", f"Sitemap: {request.url.origin()}/sitemap.xml", ""]
        return web.Response(text="\n".join(lines))

    return respond


def _sitemap_index(base: str, size: int) -> Handler:
    async def respond(request: web.Request) -> web.StreamResponse:
        world = request.app[SHOWN].pages.world
        return web.Response(body=sitemap.index(world, base=base, size=size), content_type="application/xml")

    return respond


def _sitemap_part(size: int) -> Handler:
    async def respond(request: web.Request) -> web.StreamResponse:
        pages, named = request.app[SHOWN].pages, _PART_NAME.fullmatch(request.match_info["name"])
        body = sitemap.part(pages.world, int(named["number"]), root=SITE + DETAIL_ROOTS["en"], size=size) if named else None
        if body is None:
            return _html(pages, None, "en")
        return web.Response(body=body, content_type="application/gzip")

    return respond
