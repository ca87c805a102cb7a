"""Sites on loopback that write down what was asked of them."""

import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from aiohttp import web

from propspider.lab.pages import DETAIL_ROOTS, SITE
from propspider.lab.server import SHOWN, create_app
from propspider.lab.world import Listing, World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Start = Callable[["Recorder"], str]


@dataclass(frozen=True)
class Asked:
    path: str
    cookie: str
    at: float
    agent: str


@dataclass
class Recorder:
    """An application whose `answers` (path → HTML, or a handler) come before its own routes."""

    app: web.Application = field(default_factory=web.Application)
    answers: dict[str, str | Handler] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    base_url: str = ""

    def __post_init__(self) -> None:
        self.app.middlewares.append(self._answer)

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        cookie, agent = (request.headers.get(name, "") for name in ("Cookie", "User-Agent"))
        self.asked.append(Asked(request.path, cookie, time.monotonic(), agent))
        answer = self.answers.get(request.path)
        if answer is None:
            return await handler(request)
        if callable(answer):
            return await answer(request)
        return web.Response(text=answer, content_type="text/html")

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def cookies_at(self, path: str) -> list[str]:
        return [asked.cookie for asked in self.asked if asked.path == path]


def lab(world: World) -> Recorder:
    return Recorder(create_app(world))


def path_of(listing: Listing) -> str:
    return f"{DETAIL_ROOTS['en']}/{listing.slug}"


def url_of(listing: Listing) -> str:
    return SITE + path_of(listing)


def detail_html(world: World) -> str:
    """Of the world's first listing."""
    html = create_app(world)[SHOWN].pages.detail(world.listings[0].slug, "en")
    assert html is not None
    return html.decode()


@contextmanager
def elsewhere() -> Iterator[tuple[int, list[str]]]:
    """A port that belongs to no portal, TCP and UDP, and a word for everything that arrived there."""
    arrived: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        port: int = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", port))
        tcp.settimeout(0.1)
        udp.settimeout(0.1)
        done = threading.Event()

        def listen() -> None:
            while not done.is_set():
                with suppress(OSError), tcp.accept()[0] as connection:
                    connection.settimeout(1)
                    arrived.append("tcp")
                    arrived.append(f"tcp {connection.recv(200)!r}")
                with suppress(OSError):
                    arrived.append(f"udp {udp.recv(200)!r}")

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield port, arrived
        finally:
            done.set()
            thread.join()
