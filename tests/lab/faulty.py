"""A laboratory on loopback whose faults and day are set by a test, and the project's own reading of what it serves."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from urllib.parse import urlsplit

from aiohttp import web
from web_poet import HttpResponse

from propspider.items import ManifestPage, Operation, PropertyItem
from propspider.lab.faults import FAULT, Fault, Faults
from propspider.lab.scopes import SCOPE_OF
from propspider.lab.server import create_app
from propspider.lab.serving import serve
from propspider.lab.world import Listing, World
from propspider.portals import load
from propspider.portals.judgement import Judgement

from .client import Answer

START = datetime(2026, 3, 1, tzinfo=UTC)
WORLD = World.create(60)  # 32 for sale: three pages of twelve
SALE, RENT = SCOPE_OF[Operation.SALE].path("en"), SCOPE_OF[Operation.RENT].path("en")
REAL_SECONDS = 0.4
PORTAL = load("pincali")


@dataclass
class Faulty:
    day: float = 1.0
    spent: list[float] = field(default_factory=list)
    marks: list[str | None] = field(default_factory=list)
    """Of each request: the faults that changed its answer."""
    faults: Faults = field(init=False)
    app: web.Application = field(init=False)
    base_url: str = ""

    def __post_init__(self) -> None:
        self.faults = Faults(
            (),
            seed=7,
            now=lambda: START + timedelta(days=self.day),
            start=START,
            spend=self.spent.append,
            real_seconds=REAL_SECONDS,
        )

    def set(self, *texts: str) -> None:
        self.faults.faults = tuple(map(Fault.parse, texts))

    def ask(self, path: str, *, method: str = "GET", timeout: float = 10) -> Answer:
        connection = HTTPConnection(urlsplit(self.base_url).netloc, timeout=timeout)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, headers, response.read())
        finally:
            connection.close()


@contextmanager
def faulty_portal() -> Iterator[Faulty]:
    portal = Faulty()
    app = portal.app = create_app(WORLD, page_size=12, page_cap=None, faults=portal.faults)

    @web.middleware
    async def note(request: web.Request, handler: object) -> web.StreamResponse:
        try:
            return await handler(request)  # type: ignore[operator,no-any-return]
        finally:
            portal.marks.append(request.get(FAULT))

    app.middlewares.insert(0, note)
    with serve(app) as portal.base_url:
        yield portal


def path_of(listing: Listing) -> str:
    return f"/en/home/{listing.slug}"


def _response(path: str, answer: Answer) -> HttpResponse:
    return HttpResponse(f"{PORTAL.base_url}{path}", body=answer.body, status=answer.status)


def judged(path: str, answer: Answer) -> Judgement:
    return PORTAL.judge(_response(path, answer), "listing" if "/properties/" in path else "detail")[0]


def listed(path: str, answer: Answer, operation: Operation = Operation.SALE) -> ManifestPage:
    return PORTAL.listing_page(_response(path, answer), operation=operation)


def detail(path: str, answer: Answer) -> PropertyItem:
    return PORTAL.detail_page(_response(path, answer))
