"""What one page does to the browser is that page's failure and nobody else's."""

from pathlib import Path

import psutil
from aiohttp import web
from sqlalchemy import create_engine, text

from propspider.lab.world import Listing, World

from .conftest import Scrapy
from .pages import Start, lab, path_of

_EATS_MEMORY = "<script>const eaten = []; for (;;) eaten.push(new Array(1e6).fill({}))</script>"
_HANGS = "<script>for (;;);</script>"
_LEAVES = "<p>listing__header</p><script>location.href = 'http://127.0.0.1:9/'</script>"


def _id(listing: Listing) -> str:
    return f"pincali:{listing.public_id}"


async def _kills_the_browser(request: web.Request) -> web.StreamResponse:
    for process in psutil.Process().children(recursive=True):
        command = " ".join(process.cmdline())
        if "--remote-debugging-pipe" in command and "--type=" not in command:
            process.kill()
    return web.Response(text="never read")


def test_a_page_that_breaks_the_browser_fails_alone(chromium: Path, start: Start, scrapy: Scrapy, database_url: str) -> None:
    world = World.create(9)
    site = lab(world)
    killer, hungry, hung, leaving, *sound = world.listings
    site.answers = {
        path_of(killer): _kills_the_browser,
        path_of(hungry): _EATS_MEMORY,
        path_of(hung): _HANGS,
        path_of(leaving): _LEAVES,
    }
    base_url = start(site)
    walked = scrapy("manifest", base_url=base_url, DATABASE_URL=database_url)
    assert walked.returncode == 0, walked.stderr

    no_browser = scrapy("detail", base_url=base_url, DATABASE_URL=database_url, PROPSPIDER_BROWSER="/bin/true")
    crawled = scrapy("detail", base_url=base_url, DATABASE_URL=database_url, PROPSPIDER_BROWSER_TIMEOUT_SECONDS="8")

    assert no_browser.returncode == 1
    assert "crawl failed: browser_unavailable" in no_browser.stderr
    assert crawled.returncode == 0, crawled.stderr
    assert "Traceback" not in crawled.stderr
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT property_id, error_type, message FROM scraping_errors")).all()
        queue = connection.execute(text("SELECT property_id, status, attempt_count, claims FROM scrape_queue")).all()
        read = set(connection.execute(text("SELECT property_id FROM properties_live WHERE description IS NOT NULL")).scalars())
    engine.dispose()
    errors = {row.property_id: row.error_type for row in rows}
    why = {row.property_id: row.message for row in rows}
    assert errors == {**dict.fromkeys(map(_id, (killer, hungry, hung)), "download"), _id(leaving): "off_site"}
    assert why[_id(hung)].startswith("PageTooSlow")
    assert why[_id(killer)].startswith("PageLost")
    assert why[_id(hungry)].startswith(("PageLost", "PageTooSlow"))
    assert {row.property_id: (row.status, row.attempt_count, row.claims) for row in queue} == {
        **{_id(listing): ("completed", 0, 1) for listing in sound},
        **dict.fromkeys(errors, ("pending", 1, 1)),
    }
    assert read == {_id(listing) for listing in sound}
    assert not [process for process in psutil.Process().children(recursive=True) if "chrom" in process.name()]
