"""The simulated Pincali over HTTP."""

import time
from collections import deque
from collections.abc import Awaitable, Callable
from html import escape

from aiohttp import web

from propspider.lab.catalogue import Language
from propspider.lab.pages import DETAIL_ROOTS, LISTING_ROOTS, LOGIN_PATH, SCOPES, SITE, Pages
from propspider.lab.world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

KEPT_REQUESTS = 100_000
REQUESTS = web.AppKey("requests", deque[tuple[float, str, str]])
"""(time.monotonic(), method, path with query) of the last 100,000 requests, oldest first."""
PAGES = web.AppKey("pages", Pages)


def create_app(
    world: World, *, page_size: int = 24, page_cap: int | None = 10, crawl_delay: float | None = None
) -> web.Application:
    """`page_cap` is the last page that is served of one walk, None for no cap; `crawl_delay` in seconds, for robots.txt."""
    app = web.Application(middlewares=[_log_request])
    app[REQUESTS] = deque(maxlen=KEPT_REQUESTS)
    app[PAGES] = pages = Pages(world, page_size=page_size, page_cap=page_cap)
    app.router.add_get("/robots.txt", _robots(crawl_delay))
    app.router.add_get("/sitemap.xml", _sitemap(world))
    app.router.add_get("/", _plain(pages, "home.html", "es"))
    app.router.add_get("/en", _plain(pages, "home.html", "en"))
    app.router.add_get(LOGIN_PATH, _plain(pages, "login.html", "en"))
    for language, root in LISTING_ROOTS.items():
        app.router.add_get(root + "/{slug}", _listing(pages, language))
    for language, root in DETAIL_ROOTS.items():
        app.router.add_get(root + "/{slug}", _detail(pages, language))
    return app


@web.middleware
async def _log_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    request.app[REQUESTS].append((time.monotonic(), request.method, request.path_qs))
    return await handler(request)


def _html(pages: Pages, body: bytes | None, language: Language) -> web.Response:
    if body is None:
        return web.Response(body=pages.plain("not_found.html", language), status=404, content_type="text/html", charset="utf-8")
    return web.Response(body=body, content_type="text/html", charset="utf-8")


def _listing(pages: Pages, language: Language) -> Handler:
    scopes = {scope.slug.said(language): scope for scope in SCOPES}

    async def respond(request: web.Request) -> web.StreamResponse:
        scope, page = scopes.get(request.match_info["slug"]), request.query.get("page", "1")
        readable = scope is not None and page.isascii() and page.isdigit() and len(page) < 10
        return _html(pages, pages.listing(scope, language, int(page)) if scope and readable else None, language)

    return respond


def _detail(pages: Pages, language: Language) -> Handler:
    async def respond(request: web.Request) -> web.StreamResponse:
        return _html(pages, pages.detail(request.match_info["slug"], language), language)

    return respond


def _plain(pages: Pages, template: str, language: Language) -> Handler:
    async def respond(_: web.Request) -> web.StreamResponse:
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


def _sitemap(world: World) -> Handler:
    root = SITE + DETAIL_ROOTS["en"]
    urls = "".join(f"<url><loc>{root}/{escape(listing.slug)}</loc></url>" for listing in world.listings)
    body = f'<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'

    async def respond(_: web.Request) -> web.StreamResponse:
        return web.Response(text=body, content_type="application/xml")

    return respond
