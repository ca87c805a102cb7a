"""Servers on loopback: the laboratory with a gate before its detail pages, and a site of pages that go wrong."""

import asyncio
import gzip
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from propspider.lab.fault_answers import cut, drop
from propspider.lab.server import REQUESTS, create_app, set_world
from propspider.lab.serving import serve
from propspider.lab.world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Answer = Handler
HELD_SECONDS = 60.0


@dataclass
class Gate:
    """Lets `free` detail pages pass and holds the others until it is opened."""

    free: int = 0
    opened: threading.Event = field(default_factory=threading.Event)
    passed: int = 0
    arrived: threading.Event = field(default_factory=threading.Event)

    async def hold(self, _: web.Request) -> web.StreamResponse:
        """Answers when it is opened, with nothing: whoever waited so long is not there any more, or asks again."""
        self.arrived.set()
        await asyncio.to_thread(self.opened.wait, HELD_SECONDS)
        return web.Response(status=502)

    def await_arrival(self) -> None:
        """Until somebody is held."""
        assert self.arrived.wait(HELD_SECONDS), "nobody came"

    @web.middleware
    async def watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if "/home/" in request.path:
            self.passed += 1
            if self.passed > self.free:
                await asyncio.to_thread(self.opened.wait, HELD_SECONDS)
        return await handler(request)


@dataclass
class Lab:
    base_url: str
    world: World
    app: web.Application

    @property
    def paths(self) -> list[str]:
        return [asked.path for asked in self.app[REQUESTS]]

    def asked(self, part: str) -> list[str]:
        return [path for path in self.paths if part in path]

    def becomes(self, world: World) -> None:
        set_world(self.app, world)
        self.world = world


Fault = Callable[[web.Request], Answer | None]
"""What goes wrong with a request; None = nothing."""


@contextmanager
def laboratory(
    world: World,
    gate: Gate | None = None,
    *,
    fault: Fault | None = None,
    page_size: int = 12,
    page_cap: int | None = None,
    **options: Any,
) -> Iterator[Lab]:
    app = create_app(world, page_size=page_size, page_cap=page_cap, **options)
    if gate is not None:
        app.middlewares.append(gate.watch)

    @web.middleware
    async def failing(request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = fault(request) if fault is not None else None
        return await (answer or handler)(request)

    app.middlewares.append(failing)
    with serve(app) as base_url:
        try:
            yield Lab(base_url, world, app)
        finally:
            if gate is not None:
                gate.opened.set()


@dataclass
class Site:
    """`answers`: path → what is served there; everything else is a 404."""

    base_url: str
    answers: dict[str, Answer]
    requested: list[str]


@contextmanager
def site(answers: dict[str, Answer]) -> Iterator[Site]:
    requested: list[str] = []

    async def respond(request: web.Request) -> web.StreamResponse:
        requested.append(request.path_qs)
        answer = answers.get(request.path_qs)
        if answer is None:
            return web.Response(status=404, text="<html><body>not found</body></html>", content_type="text/html")
        return await answer(request)

    app = web.Application()
    app.router.add_get("/{path:.*}", respond)
    with serve(app) as base_url:
        yield Site(base_url, answers, requested)


def html(body: bytes | str, *, status: int = 200, charset: str | None = "utf-8", **headers: str) -> web.Response:
    kind = f"text/html; charset={charset}" if charset else "text/html"
    content = body.encode() if isinstance(body, str) else body
    return web.Response(body=content, status=status, headers={"Content-Type": kind, **headers})


def answering(body: bytes | str, **facts: object) -> Handler:
    """A fresh response each time: one that was sent cannot be sent again."""

    async def respond(_: web.Request) -> web.StreamResponse:
        return html(body, **facts)  # type: ignore[arg-type]

    return respond


def redirecting(target: str) -> Handler:
    async def respond(_: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": target})

    return respond


async def reset(request: web.Request) -> web.StreamResponse:
    return drop(request)


async def cut_short(request: web.Request) -> web.StreamResponse:
    """Promises more than it sends."""
    return await cut(request, b"<html><body><div class='listing__header'>", promised=100_000)


async def bomb(_: web.Request) -> web.StreamResponse:
    """17 MB behind a few kilobytes."""
    body = gzip.compress(b"<html>listing__header" + b" " * (17 * 1024 * 1024))
    return web.Response(body=body, headers={"Content-Type": "text/html", "Content-Encoding": "gzip"})
