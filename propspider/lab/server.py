"""The simulated Pincali over HTTP, of a world that stands still or of a life at the present moment."""

import re
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING

from aiohttp import ETag, web
from aiohttp.typedefs import Middleware

from propspider import clock
from propspider.lab import sitemap
from propspider.lab.catalogue import Language
from propspider.lab.fault_answers import NO_ANSWER
from propspider.lab.faults import FAULT, KIND, Faults, kind_of
from propspider.lab.pages import DETAIL_ROOTS, LOGIN_PATH, SITE, Moved, Pages, Served, plain_page
from propspider.lab.scopes import LISTING_ROOTS, Filter, read_walk
from propspider.lab.world import World

if TYPE_CHECKING:
    from propspider.lab.life import Life

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_PART_NAME = re.compile(r"properties-(?P<number>[1-9][0-9]{0,5})\.xml\.gz")
STILL_PAGE_SIZE, PAGE_SIZE = 24, 42
LATENCY = 0.5
KEPT_REQUESTS = 100_000


@dataclass(slots=True)
class Request:
    """`at` is the portal's time at its beginning, `monotonic` the real one's; `status` 0 until it is answered, or where none was.

    `kind`: listing, detail, sitemap, robots or other; `fault` what was done to it, by name.
    """

    at: datetime
    monotonic: float
    method: str
    path: str
    kind: str
    status: int = 0
    fault: str | None = None


REQUESTS = web.AppKey("requests", deque[Request])
"""The last ones, oldest first, by their beginning."""
COUNTS = web.AppKey("counts", Counter[tuple[date, str, str, int]])
"""Of all that ended: by (day of the portal's time in UTC, kind, method, status). It grows while it is read: copy it."""


@dataclass
class Shown:
    """The pages that are served now; a request keeps to those it began with. `of_world`: how a world's are made."""

    pages: Served
    of_world: Callable[[World], Pages]


SHOWN = web.AppKey("shown", Shown)


def create_app(
    world: "World | Life",
    *,
    page_size: int | None = None,
    page_cap: int | None = 10,
    crawl_delay: float | None = None,
    ignores: frozenset[Filter] = frozenset(),
    sitemap_base: str | None = None,
    sitemap_size: int = sitemap.PART_SIZE,
    now: Callable[[], datetime] = clock.now,
    spend: Callable[[float], None] = lambda _: None,
    latency: float | None = None,
    kept_requests: int = KEPT_REQUESTS,
    faults: Faults | None = None,
) -> web.Application:
    """`page_size` defaults to 24 for a world that stands still, 42 for a life; `page_cap` is the last page that is served of one
    walk, None for no cap; `crawl_delay` in seconds, for robots.txt.

    `ignores`: filters that are silently without effect, as if the URL did not name them. The index of the sitemap names its
    parts, of `sitemap_size` URLs each, on the portal's own host, or on `sitemap_base` (scheme and host of a second application),
    where this one serves none.

    `now` says which moment of a life is shown, aware. `spend` is told of the seconds that each request costs: `latency`, half a
    second of a life, none of a world, where it begins. `faults`: what goes wrong with its answers, whose tags tell of it as well.
    """
    lives = not isinstance(world, World)
    seconds = LATENCY if lives and latency is None else latency or 0.0
    app = web.Application(middlewares=[_log(now, spend, seconds), _tag, *([faults.middleware] if faults else [])])
    app[REQUESTS] = deque(maxlen=kept_requests)
    app[COUNTS] = Counter()
    size = page_size or (PAGE_SIZE if lives else STILL_PAGE_SIZE)
    of_world = partial(Pages, page_size=size, page_cap=page_cap, ignores=ignores)
    if isinstance(world, World):
        pages: Served = of_world(world)
    else:
        from propspider.lab.living import LivingPages

        pages = LivingPages(world, now, page_size=size, page_cap=page_cap, ignores=ignores)
    app[SHOWN] = Shown(pages, of_world)
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


def _log(now: Callable[[], datetime], spend: Callable[[float], None], latency: float) -> Middleware:
    @web.middleware
    async def log(request: web.Request, handler: Handler) -> web.StreamResponse:
        kind = request[KIND] = kind_of(request.path)
        record = Request(now(), time.monotonic(), request.method, request.path_qs, kind)
        request.app[REQUESTS].append(record)
        if latency and kind != "robots":
            spend(latency)
        try:
            response = await handler(request)
            record.status = 0 if response.status == NO_ANSWER else response.status
        except web.HTTPException as error:
            record.status = error.status
            raise
        finally:
            record.fault = request.get(FAULT)
            request.app[COUNTS][record.at.date(), kind, record.method, record.status] += 1
        return response

    return log


@web.middleware
async def _tag(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Listing and detail pages have an ETag by what they hold; whoever names it is told that nothing changed."""
    response = await handler(request)
    if (
        request[KIND] not in {"listing", "detail"}
        or not isinstance(response, web.Response)
        or response.status != 200
        or not isinstance(response.body, bytes)
    ):
        return response
    tag = blake2b(response.body, digest_size=12).hexdigest()
    named = request.if_none_match or ()
    if any(one.value in {tag, "*"} for one in named):
        response = web.Response(status=304)
    response.etag = ETag(value=tag, is_weak=True)
    return response


def _html(body: bytes | None, language: Language) -> web.Response:
    if body is None:
        return web.Response(body=plain_page("not_found.html", language), status=404, content_type="text/html", charset="utf-8")
    return web.Response(body=body, content_type="text/html", charset="utf-8")


def _listing(language: Language) -> Handler:
    async def respond(request: web.Request) -> web.StreamResponse:
        pages, page = request.app[SHOWN].pages, request.query.get("page", "1")
        walk = read_walk(request.match_info["slug"], request.query, language)
        if walk is None or not (page.isascii() and page.isdigit() and len(page) < 10):
            return _html(None, language)
        scope, filters = walk
        return _html(pages.listing(scope, language, int(page), filters), language)

    return respond


def _detail(language: Language) -> Handler:
    async def respond(request: web.Request) -> web.StreamResponse:
        found = request.app[SHOWN].pages.detail(request.match_info["slug"], language)
        if isinstance(found, Moved):
            return web.Response(status=found.status, headers={"Location": found.path})
        return _html(found, language)

    return respond


def _plain(template: str, language: Language) -> Handler:
    async def respond(_: web.Request) -> web.StreamResponse:
        return _html(plain_page(template, language), language)

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
        return web.Response(body=request.app[SHOWN].pages.sitemap_index(base, size), content_type="application/xml")

    return respond


def _sitemap_part(size: int) -> Handler:
    async def respond(request: web.Request) -> web.StreamResponse:
        pages, named = request.app[SHOWN].pages, _PART_NAME.fullmatch(request.match_info["name"])
        body = pages.sitemap_part(int(named["number"]), SITE + DETAIL_ROOTS["en"], size) if named else None
        if body is None:
            return _html(None, "en")
        return web.Response(body=body, content_type="application/gzip")

    return respond
