"""A portal on loopback that serves as many pages as are asked for: copies of one page, each with listings of its own."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from aiohttp import web
from web_poet import HttpResponse

from benchmarks.ground import PORTAL
from propspider import portals
from propspider.lab.pages import Pages
from propspider.lab.scopes import SCOPES
from propspider.lab.serving import serve
from propspider.lab.world import World

CAPTURED = Path(__file__).resolve().parents[1].parent / "shared" / "real" / PORTAL
LISTING_FILE = "listing_en_residential_p1_2025-09.html"
DETAIL_FILE = "detail_en_rent_EB-UR0278_2025-11.html"
CARDS = 24
SCOPE = "sale"

_KEY = re.compile(rb"EB-([A-Z]{1,2}[0-9]{4})(?![0-9])")
_LINK = re.compile(rb'href="/en/home/([^"/?#]+)"')
_CURRENT = re.compile(rb'(pagination-button page current">\s*)1(\s*<)')
_NEXT = re.compile(rb'([?&]page=)2(?=")')


@dataclass(frozen=True)
class Sample:
    """One page. `internal_ids` are its listings' numbers."""

    body: bytes
    internal_ids: tuple[str, ...]

    def copy(self, number: int) -> bytes:
        """The same page of other listings: its ids and links are those of copy `number`, up to 9,999; of a listing page, page
        `number` of its walk.
        """
        body = _KEY.sub(lambda match: b"EB-" + _letters(number) + match[1], self.body)
        body = _LINK.sub(lambda match: b'href="/en/home/%s-%d"' % (match[1], number), body)
        body = _CURRENT.sub(lambda match: match[1] + b"%d" % number + match[2], body)
        body = _NEXT.sub(lambda match: match[1] + b"%d" % (number + 1), body)
        if not self.internal_ids:
            return body
        known = re.compile(rb"(?<![0-9])(" + "|".join(self.internal_ids).encode() + rb")(?![0-9])")
        return known.sub(lambda match: b"1%04d%s" % (number, match[1]), body)


@dataclass(frozen=True)
class Samples:
    listing: Sample
    detail: Sample
    detail_key: str
    origin: str

    def property_id(self, number: int) -> str:
        """Of the detail page at `detail_path(number)`."""
        return f"{PORTAL}:{_KEY.sub(lambda m: b'EB-' + _letters(number) + m[1], self.detail_key.encode()).decode()}"


def detail_path(number: int) -> str:
    return f"/en/home/copy-{number}"


def _letters(number: int) -> bytes:
    """Three letters: a key has at most five."""
    return bytes(ord("A") + number // 26**place % 26 for place in (2, 1, 0))


@lru_cache
def samples() -> Samples:
    """Captured pages where there are any beside the project, else the laboratory's."""
    if CAPTURED.is_dir():
        listing, detail = (CAPTURED / LISTING_FILE).read_bytes(), (CAPTURED / DETAIL_FILE).read_bytes()
        origin = "captured pages"
    else:
        pages = Pages(World.create(), page_size=CARDS, page_cap=None)
        listing, detail = pages.listing(SCOPES[0], "en", 1) or b"", pages.detail(pages.world.listings[0].slug, "en") or b""
        origin = "the laboratory's pages (no captured ones beside the project)"
    portal = portals.load(PORTAL)
    url = portal.facts.base_url + "/en/x"
    read = portal.listing_page(HttpResponse(url=url, body=listing, status=200))
    item = portal.detail_page(HttpResponse(url=url, body=detail, status=200))
    found = Samples(
        Sample(listing, tuple(entry.internal_id for entry in read.entries if entry.internal_id)),
        Sample(detail, (item.internal_id,) if item.internal_id else ()),
        item.property_id.partition(":")[2],
        origin,
    )
    _check(found)
    return found


def _check(found: Samples) -> None:
    portal = portals.load(PORTAL)
    url = portal.facts.base_url + "/en/x"
    first, second = (portal.listing_page(HttpResponse(url=url, body=found.listing.copy(n), status=200)) for n in (1, 2))
    ids = [entry.property_id for page in (first, second) for entry in page.entries]
    if len(set(ids)) != 2 * CARDS or first.warnings:
        raise RuntimeError(f"copies of the listing page do not hold {CARDS} listings of their own")
    item = portal.detail_page(HttpResponse(url=url, body=found.detail.copy(1), status=200))
    if item.property_id != found.property_id(1):
        raise RuntimeError("a copy of the detail page does not name its own listing")


@contextmanager
def site() -> Iterator[str]:
    """Base URL. Served from a thread of this process; crawls run in processes of their own."""
    found = samples()
    listing, detail = lru_cache(512)(found.listing.copy), lru_cache(512)(found.detail.copy)

    async def robots(_: web.Request) -> web.Response:
        return web.Response(text="User-agent: *\nDisallow: /private/\n")

    async def listing_page(request: web.Request) -> web.Response:
        return _html(listing(int(request.query.get("page", "1"))))

    async def detail_page(request: web.Request) -> web.Response:
        return _html(detail(int(request.match_info["number"])))

    app = web.Application()
    app.router.add_get("/robots.txt", robots)
    app.router.add_get(r"/en/properties/{slug}", listing_page)
    app.router.add_get(r"/en/home/copy-{number:\d+}", detail_page)
    with serve(app) as base_url:
        yield base_url


def _html(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="text/html", charset="utf-8")
