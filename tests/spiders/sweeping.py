"""Sweeps of the laboratory's listings for sale, and what may go wrong with their pages."""

from collections.abc import Callable

from aiohttp import web
from sqlalchemy import Engine

from propspider.items import Operation
from propspider.lab.world import World
from tests.builders import one, scalar

from .crawling import Done, crawl
from .served import Answer, Fault, Lab

SALE = "/en/properties/properties-for-sale"
WORLD = World.create(60)  # 32 for sale: three pages of twelve
ONE_AT_A_TIME = {"PROPSPIDER_PORTALS__PINCALI__DELAY_SECONDS": "0.01"}
CHALLENGE = "<html><script>gokuProps = {}</script></html>"


def scan(database_url: str, lab: Lab, *arguments: str, **extra: str) -> Done:
    return crawl("manifest", *arguments, database_url=database_url, base_url=lab.base_url, extra=extra)


def sale(database_url: str, lab: Lab, *arguments: str, **extra: str) -> Done:
    return scan(database_url, lab, "scope=sale", *arguments, **extra)


def for_sale(world: World) -> set[str]:
    return {f"pincali:{listing.public_id}" for listing in world.by_operation[Operation.SALE]}


def last_sweep(engine: Engine) -> dict[str, object]:
    return one(engine, "SELECT * FROM sweeps ORDER BY id DESC LIMIT 1")


def on_page(number: int) -> Callable[[web.Request], bool]:
    return lambda request: request.path == SALE and request.query.get("page", "1") == str(number)


def spoiling(which: Callable[[web.Request], bool], answer: Answer) -> Fault:
    return lambda request: answer if which(request) else None


def listing_pages(request: web.Request) -> bool:
    return request.path.startswith("/en/properties/")


def nobody_is_missing(engine: Engine) -> bool:
    return not scalar(engine, "SELECT count(*) FROM sighting_misses WHERE missed > 0")
