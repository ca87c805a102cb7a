"""What a day of chaos is about: a portal that changes twice while it is read."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from propspider.lab.listing import Listing, random_source
from propspider.lab.server import create_app, set_world
from propspider.lab.travel import SimulatedClock
from propspider.lab.truth import Fact
from propspider.lab.world import World

LISTINGS = 120
PAGE_SIZE = 42
DAYS = (0, 4, 8)
"""Of the world: what it is in the morning, at noon and in the evening."""


class ChaosPortal:
    """Counts what it is asked, lets each request cost time, and holds them where something is to be killed under them."""

    def __init__(self, world: World, spent: SimulatedClock, seconds: float) -> None:
        self.requests = self.pages = 0
        self._time, self._seconds = spent, seconds
        self._at: int | None = None
        self._going_on = threading.Event()
        self.app = create_app(world, page_size=PAGE_SIZE, page_cap=None)
        self.app.middlewares.append(self._serve)

    def becomes(self, world: World) -> None:
        set_world(self.app, world)

    def hold_at(self, request: int | None) -> None:
        self._at = request

    def go_on(self) -> None:
        """Those that are held."""
        self._going_on.set()
        self._going_on.clear()

    @property
    def _serve(self) -> Any:
        @web.middleware
        async def serve_counted(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            self.requests += 1
            if self._at is not None and self.requests >= self._at:
                await asyncio.to_thread(self._going_on.wait, 1.0)
            await asyncio.to_thread(self._time.spend, self._seconds)
            response = await handler(request)
            self.pages += request.method == "GET" and "/home/" in request.path and response.status == 200
            return response

        return serve_counted


def worlds(seed: int) -> list[World]:
    """Three states of one world; between them listings come and go, change their price, their text and one its address."""
    worlds = [World.create(LISTINGS, seed=seed, day=day) for day in DAYS]
    stays = sorted(set.intersection(*({listing.public_id for listing in world.listings} for world in worlds)))
    moves = random_source("chaos move", seed).choice(stays)
    return [worlds[0], *(world.renamed(moves, f"{world.by_id[moves].slug}-moved") for world in worlds[1:])]


def fact(listing: Listing) -> Fact:
    return Fact(
        public_id=listing.public_id,
        home=listing.number,
        is_shown=True,
        slug=listing.slug,
        offers=listing.offers,
        title=listing.title.en,
        description=listing.description.en,
        published_at=listing.published_at,
    )
