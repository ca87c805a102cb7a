"""What goes wrong with an answer: each takes a request that is hit and returns what is sent, None where it cannot go wrong so."""

import re
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from aiohttp import web

from propspider.lab import fault_pages
from propspider.lab.catalogue import Language
from propspider.lab.pages import DETAIL_ROOTS, LOGIN_PATH, plain_page
from propspider.lab.scopes import LISTING_ROOTS, SCOPES, read_walk, walk_href

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
RequestKind = Literal["listing", "detail", "sitemap", "robots", "other"]
KIND = web.RequestKey("kind", str)
"""Set by the server before the faults."""
FAULT = web.RequestKey("fault", str)
"""The names, joined by +, of the faults that changed the answer; unset where none did."""
PIECES = 4
"""In which a slow body arrives."""
NO_ANSWER = 444
"""The status, never sent, of an answer that was not sent."""
_NO_LINGER = struct.pack("ii", 1, 0)
GONE_WORDS = "This property is no longer available"
_SPANISH_ROOTS = (LISTING_ROOTS["es"], DETAIL_ROOTS["es"])


@dataclass
class Hit:
    """A request that a fault hits. `chance(text)` is a repeatable number in [0, 1) of this hit and the text; `hold(seconds)`
    lets simulated seconds pass.
    """

    request: web.Request
    handler: Handler
    kind: str
    options: Mapping[str, float | str]
    chance: Callable[[str], float]
    hold: Callable[[float], Awaitable[None]]
    patience: float
    """Simulated seconds after which nobody waits any longer."""
    _served: web.StreamResponse | None = field(default=None, init=False)

    def number(self, option: str) -> float:
        return float(self.options[option])

    @cached_property
    def language(self) -> Language:
        return "es" if self.request.path.startswith(_SPANISH_ROOTS) else "en"

    @cached_property
    def page_number(self) -> int:
        text = self.request.query.get("page", "1")
        return int(text) if text.isascii() and text.isdigit() else 1

    async def served(self) -> web.StreamResponse:
        """What the portal answers; asked once."""
        if self._served is None:
            self._served = await self.handler(self.request)
        return self._served

    async def body(self) -> bytes | None:
        """Of a GET that is answered with 200."""
        answer = await self.served()
        is_page = self.request.method == "GET" and answer.status == 200 and isinstance(answer, web.Response)
        return answer.body if is_page and isinstance(answer.body, bytes) and answer.body else None  # type: ignore[attr-defined]

    async def page(self) -> str | None:
        body = await self.body()
        return body.decode() if body is not None and (await self.served()).content_type == "text/html" else None

    async def neighbour(self, page: int) -> str | None:
        """Another page of the same walk."""
        answer = await self.handler(self.request.clone(rel_url=self.request.rel_url.update_query(page=str(page))))
        body = answer.body if isinstance(answer, web.Response) and answer.status == 200 else None
        return body.decode() if isinstance(body, bytes) else None


Answer = Callable[[Hit], Awaitable[web.StreamResponse | None]]


def html(body: bytes | str, *, status: int = 200, **headers: str) -> web.Response:
    content = body.encode() if isinstance(body, str) else body
    return web.Response(body=content, status=status, headers=headers, content_type="text/html", charset="utf-8")


# --- the connection ---


def drop(request: web.Request) -> web.StreamResponse:
    """Resets the connection; whatever is not sent yet is lost, and so is the answer returned."""
    if request.transport is not None:
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        request.transport.abort()
    return web.Response(status=NO_ANSWER)


async def begin(request: web.Request, body: bytes, *, promised: int) -> web.StreamResponse:
    """An answer of `promised` bytes, of which these are sent."""
    response = web.StreamResponse(headers={"Content-Type": "text/html; charset=utf-8", "Content-Length": str(promised)})
    await response.prepare(request)
    await response.write(body)
    return response


async def cut(request: web.Request, body: bytes, *, promised: int) -> web.StreamResponse:
    """As `begin`, and then the connection is closed, as at a proxy's time-out."""
    response = await begin(request, body, promised=promised)
    if request.transport is not None:
        request.transport.close()
    return response


async def refused(hit: Hit) -> web.StreamResponse | None:
    return drop(hit.request)


async def reset(hit: Hit) -> web.StreamResponse | None:
    body = await hit.body()
    if body is None:
        return None
    response = await begin(hit.request, body[: len(body) // 2], promised=len(body))
    drop(hit.request)
    return response


async def timeout(hit: Hit) -> web.StreamResponse | None:
    await hit.hold(hit.patience)
    return drop(hit.request)


async def slow_body(hit: Hit) -> web.StreamResponse | None:
    body = await hit.body()
    if body is None:
        return None
    response = web.StreamResponse(headers={**(await hit.served()).headers, "Content-Length": str(len(body))})
    await response.prepare(hit.request)
    size = -(-len(body) // PIECES)
    with suppress(ConnectionError):  # nobody waited for the rest
        for start in range(0, len(body), size):
            await hit.hold(hit.number("seconds") / PIECES)
            await response.write(body[start : start + size])
    return response


# --- refusals ---


async def busy(hit: Hit) -> web.StreamResponse | None:
    return html("<h1>Too many requests</h1>", status=429, **{"Retry-After": f"{hit.number('retry_after'):.0f}"})


async def unavailable(hit: Hit) -> web.StreamResponse | None:
    return html("<h1>Service unavailable</h1>", status=503)


async def challenge(hit: Hit) -> web.StreamResponse | None:
    page = plain_page("challenge.html", "en") if hit.options["body"] == "page" else b""
    return html(page, status=202, **{"x-amzn-waf-action": "challenge"})


async def bot_wall(hit: Hit) -> web.StreamResponse | None:
    return html(plain_page("challenge.html" if hit.options["markers"] == "named" else "wall.html", "en"))


async def wall_404(hit: Hit) -> web.StreamResponse | None:
    own = hit.options["page"] == "own"
    return html(plain_page("not_found.html", hit.language) if own else plain_page("challenge.html", "en"), status=404)


async def soft_404(hit: Hit) -> web.StreamResponse | None:
    if hit.options["of"] == "gone" and (await hit.served()).status != 404:
        return None
    page = plain_page("not_found.html", hit.language).decode()
    return html(page.replace("</h1>", f"</h1><p>{GONE_WORDS}</p>", 1) if hit.options["says"] == "gone" else page)


# --- other answers ---


def _redirect(target: str) -> web.Response:
    return web.Response(status=302, headers={"Location": target})


async def to_search(hit: Hit) -> web.StreamResponse | None:
    if hit.kind == "detail":
        return _redirect(SCOPES[0].path(hit.language))
    return _redirect(hit.request.path) if hit.page_number > 1 else None


async def to_login(hit: Hit) -> web.StreamResponse | None:
    return _redirect(LOGIN_PATH)


async def to_locale(hit: Hit) -> web.StreamResponse | None:
    """From the English pages to the Spanish ones."""
    if hit.language == "es":
        return None
    slug = hit.request.path.rpartition("/")[2]
    if hit.kind == "detail":
        return _redirect(f"{DETAIL_ROOTS['es']}/{slug}")
    walk = read_walk(slug, hit.request.query, "en")
    return _redirect(walk_href(*walk, "es", hit.page_number)) if walk else None


async def head_404(hit: Hit) -> web.StreamResponse | None:
    is_there = (await hit.served()).status == 200
    return html(plain_page("not_found.html", hit.language), status=404) if is_there else None


async def head_200(hit: Hit) -> web.StreamResponse | None:
    return html(b"") if (await hit.served()).status in {404, 410} else None


async def robots_closed(hit: Hit) -> web.StreamResponse | None:
    return web.Response(text="User-agent: *\nDisallow: /\n")


async def robots_delay(hit: Hit) -> web.StreamResponse | None:
    body = await hit.body()
    if body is None:
        return None
    others = re.sub(r"(?im)^crawl-delay:.*\n", "", body.decode())
    return web.Response(text=re.sub(r"(?im)^(user-agent:.*\n)", rf"\g<1>Crawl-delay: {hit.number('delay'):g}\n", others))


# --- pages ---


def changing(change: Callable[[Hit, str], Awaitable[str]]) -> Answer:
    """An answer that is the page changed; None where nothing of it changes. It keeps no validator of what it is not."""

    async def answer(hit: Hit) -> web.StreamResponse | None:
        page = await hit.page()
        changed = await change(hit, page) if page is not None else None
        if changed is None or changed == page:
            return None
        return html(changed)

    return answer


def _first_part(hit: Hit, page: bytes) -> bytes:
    return page[: int(len(page) * (hit.number("share") or hit.chance("cut")))]


async def cut_page(hit: Hit) -> web.StreamResponse | None:
    page = await hit.body()
    return await cut(hit.request, _first_part(hit, page), promised=len(page)) if page else None


async def half_page(hit: Hit) -> web.StreamResponse | None:
    page = await hit.body()
    return html(_first_part(hit, page)) if page else None


async def empty_list(hit: Hit, page: str) -> str:
    return fault_pages.emptied(page, 0 if hit.options["total"] == "zero" else None)


async def repeated_page(hit: Hit, page: str) -> str:
    return await hit.neighbour(1 if hit.options["of"] == "first" else max(1, hit.page_number - 1)) or page


async def lost_cards(hit: Hit, page: str) -> str:
    return fault_pages.without_cards(page, lambda link: hit.chance(link) < hit.number("share"))


async def reordered_cards(hit: Hit, page: str) -> str:
    """Cards of neighbouring pages in another order each time: one may be on two of them, and one on none."""
    of, own = int(hit.number("pages")), fault_pages.split(page).cards
    first = (hit.page_number - 1) // of * of + 1
    others = [await hit.neighbour(one) for one in range(first, first + of) if one != hit.page_number]
    pool = own + [card for other in others if other for card in fault_pages.split(other).cards]
    return fault_pages.with_cards(page, sorted(pool, key=lambda card: hit.chance(fault_pages.link_of(card)))[: len(own)])


async def dead_selector(hit: Hit, page: str) -> str:
    return fault_pages.renamed_class(page, str(hit.options["of"]))


async def lost_field(hit: Hit, page: str) -> str:
    return fault_pages.without_field(page, str(hit.options["field"]))


async def currency_flip(hit: Hit, page: str) -> str:
    return fault_pages.flipped(page, "USD" if hit.options["shown"] == "USD" else "MXN")


async def shrinking_total(hit: Hit, page: str) -> str:
    total = fault_pages.stated_total(page)
    return page if total is None else fault_pages.with_total(page, int(total * (1 - hit.number("step")) ** (hit.page_number - 1)))
