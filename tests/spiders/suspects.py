"""The laboratory's listings as the database knows them after a scan, and sweeps that missed some of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import attrs
from aiohttp import web
from sqlalchemy import Engine
from web_poet import HttpResponse

from propspider import clock, portals
from propspider.items import ManifestEntry, ManifestPage
from propspider.lab.listing import Listing
from propspider.lab.pages import Pages
from propspider.lab.server import REQUESTS, create_app
from propspider.lab.serving import serve
from propspider.lab.world import World
from propspider.pipelines.diff import content_hash
from propspider.sync.arrivals import record_pages
from propspider.sync.promote import promote
from tests.builders import PORTAL, new_session, run

from .served import Handler

WORLD = World.create(24)


def name(listing: Listing) -> str:
    return f"{PORTAL}:{listing.public_id}"


def path(listing: Listing) -> str:
    return f"/en/home/{listing.slug}"


def url(listing: Listing) -> str:
    return f"https://www.pincali.com{path(listing)}"


def page_of(listing: Listing) -> bytes:
    body = Pages(WORLD, page_size=12, page_cap=None).detail(listing.slug, "en")
    assert body is not None
    return body


def seed(engine: Engine) -> None:
    """Every listing was seen in its scopes and its page read, just now."""
    portal = portals.load(PORTAL)
    now = clock.now()
    pages = []
    for scope, facts in portal.facts.scopes.items():
        entries = tuple(ManifestEntry(name(one), url(one)) for one in WORLD.by_operation[facts.operation])
        pages.append(
            ManifestPage(entries, len(entries), 1, None, cards=len(entries), portal=PORTAL, scope=scope, url="", observed_at=now)
        )
    items = []
    for listing in WORLD.listings:
        read = portal.detail_page(HttpResponse(url(listing), body=page_of(listing)))
        items.append(attrs.evolve(read, portal=PORTAL, observed_at=now))
    session = new_session(engine)
    with engine.begin() as connection:
        record_pages(connection, session, pages, pages_wanted=0)
        promote(connection, session, [attrs.evolve(one, content_hash=content_hash(one)) for one in items])
    run(engine, "DELETE FROM scrape_queue")


def miss(engine: Engine, *listings: Listing, times: int = 2) -> None:
    """`times` complete sweeps of every scope that saw all but these."""
    for _ in range(times):
        session = new_session(engine)
        run(
            engine,
            "INSERT INTO sweeps (portal, scope, session_id, status, verdict, covers_all, pages_wanted, completed_at)"
            " SELECT :portal, scope, :session, 'finished', 'complete', true, 0, app_now()"
            " FROM unnest(CAST(:scopes AS text[])) AS u (scope)",
            portal=PORTAL,
            session=session.id,
            scopes=list(portals.load(PORTAL).facts.scopes),
        )
        run(
            engine,
            "UPDATE manifest_sightings s SET last_sweep = w.id, last_seen_at = app_now() FROM sweeps w"
            " WHERE w.session_id = :session AND w.scope = s.scope AND s.property_id <> ALL (CAST(:missed AS text[]))",
            session=session.id,
            missed=[name(one) for one in listings],
        )


@dataclass
class Portal:
    """`answers`: (method or *, path) → what is served there instead of the laboratory's own page."""

    base_url: str
    app: web.Application
    answers: dict[tuple[str, str], Handler] = field(default_factory=dict)

    @property
    def requests(self) -> list[tuple[str, str]]:
        return [(asked.method, asked.path) for asked in self.app[REQUESTS] if asked.path != "/robots.txt"]

    def asked(self, listing: Listing) -> list[str]:
        return [method for method, where in self.requests if where.startswith(path(listing))]

    def answer(self, listing: Listing, handler: Handler, *, method: str = "*") -> None:
        self.answers[method, path(listing)] = handler


@contextmanager
def portal(everything: Callable[[web.Request], Handler | None] = lambda _: None) -> Iterator[Portal]:
    """`everything`: what is served of any page but robots.txt, None for the page that belongs there."""
    app = create_app(WORLD, page_size=12, page_cap=None)

    @web.middleware
    async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == "/robots.txt":
            return await handler(request)
        chosen = served.answers.get((request.method, request.path_qs)) or served.answers.get(("*", request.path_qs))
        return await (chosen or everything(request) or handler)(request)

    app.middlewares.append(watch)
    with serve(app) as base_url:
        served = Portal(base_url, app)
        yield served
