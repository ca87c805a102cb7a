"""A site on loopback that writes down what was asked of it."""

import asyncio
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Answer = tuple[int, dict[str, str], str]
RESET: Answer = (0, {}, "")
SILENCE: Answer = (-1, {}, "")


@dataclass
class Site:
    """A small site on loopback. `answers` maps a path to (status, headers, body); anything else is a 200 page.
    `before_that` are answered first, one request each. RESET closes the connection, SILENCE never answers.
    """

    netloc: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    before_that: dict[str, list[Answer]] = field(default_factory=dict)
    requested: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.answers["/robots.txt"] = (404, {}, "")

    def url(self, path: str = "") -> str:
        return f"http://{self.netloc}{path}"

    def robots(self, body: str, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.answers["/robots.txt"] = (status, headers or {}, body)

    def redirect(self, path: str, target: str) -> None:
        self.answers[path] = (302, {"Location": target}, "")

    @property
    def gaps(self) -> list[float]:
        """Seconds between one request and the next."""
        return [later - earlier for earlier, later in itertools.pairwise(self.times)]

    def times_of(self, path: str) -> list[float]:
        return [moment for asked, moment in zip(self.requested, self.times, strict=True) if asked == path]

    @property
    def pages_requested(self) -> list[str]:
        return [path for path in self.requested if path != "/robots.txt"]

    async def answer(self, request: web.Request) -> web.Response:
        self.requested.append(request.path)
        self.times.append(asyncio.get_running_loop().time())
        self.agents.append(request.headers.get("User-Agent", ""))
        answer = self.answers.get(request.path, (200, {}, "<html><title>a page</title></html>"))
        if first := self.before_that.get(request.path):
            answer = first.pop(0)
        if answer is SILENCE:
            await asyncio.Event().wait()
        if answer is RESET and request.transport is not None:
            request.transport.abort()
            return web.Response()
        status, headers, body = answer
        return web.Response(status=status, headers=headers, text=body, content_type="text/html")


def serve(site: Site, loop: asyncio.AbstractEventLoop, started: threading.Event) -> None:
    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", site.answer)
        runner = web.AppRunner(app, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        site.netloc = f"127.0.0.1:{runner.addresses[0][1]}"
        return runner

    asyncio.set_event_loop(loop)
    runner = loop.run_until_complete(start())
    started.set()
    loop.run_forever()
    loop.run_until_complete(runner.cleanup())
    loop.close()


@dataclass(frozen=True)
class Crawled:
    pages: list[dict[str, Any]]
    errors: list[dict[str, Any]]
    items: list[dict[str, Any]]
    stats: dict[str, Any]
    log: str


Crawl = Callable[..., Crawled]
