import json
import os
from pathlib import Path

from aiohttp import web

from propspider.lab.world import World

from .conftest import Scrapy
from .pages import Recorder, Start, detail_html, lab, path_of, url_of

_MADE_BY_JAVASCRIPT = """<!doctype html><title>wait</title><script>
const shown = fetch('/fragment').then(response => response.text());
addEventListener('load', () => setTimeout(async () => { document.documentElement.innerHTML = await shown }, 100));
</script>"""


def _portal(world: World, start: Start) -> Recorder:
    site = lab(world)
    site.answers = {path_of(world.listings[0]): _MADE_BY_JAVASCRIPT, "/fragment": detail_html(world)}
    start(site)
    return site


def test_a_page_made_by_javascript_is_read_as_it_is_shown(chromium: Path, start: Start, scrapy: Scrapy) -> None:
    world = World.create(1)
    site, listing = _portal(world, start), world.listings[0]
    shown = scrapy("detail", "-a", f"url={url_of(listing)}", base_url=site.base_url)
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["property_id"] == f"pincali:{listing.public_id}"
    assert ("browser without sandbox" in shown.stderr) == (os.geteuid() == 0)


def test_a_plain_crawl_starts_no_browser_and_not_even_its_driver(start: Start, scrapy: Scrapy) -> None:
    world = World.create(1)
    base_url, listing = start(lab(world)), world.listings[0]
    no_driver = {"PLAYWRIGHT_NODEJS_PATH": "/nonexistent/node", "PROPSPIDER_BROWSER": "/bin/true"}
    plain = scrapy("detail", "-a", f"url={url_of(listing)}", base_url=base_url, rendering="http", **no_driver)
    assert plain.returncode == 0, plain.stderr
    assert json.loads(plain.stdout)["property_id"] == f"pincali:{listing.public_id}"
    by_browser = scrapy("detail", "-a", f"url={url_of(listing)}", base_url=base_url, **no_driver)
    assert by_browser.returncode == 1
    assert "browser does not start" in by_browser.stderr


def test_without_a_browser_nothing_is_asked_or_claimed(start: Start, scrapy: Scrapy) -> None:
    site = lab(World.create(1))
    nowhere = {"PROPSPIDER_BROWSER": "/nonexistent/chromium", "DATABASE_URL": "postgresql://127.0.0.1:1/nowhere"}
    crawled = scrapy("detail", base_url=start(site), **nowhere)
    assert crawled.returncode != 0
    complaint = crawled.stderr.strip().splitlines()[-1]
    assert complaint.endswith("PROPSPIDER_BROWSER: /nonexistent/chromium is not a program that can be run")
    assert site.asked == []


def test_what_a_page_loads_waits_its_turn_like_any_request(
    chromium: Path, start: Start, scrapy: Scrapy, database_url: str
) -> None:
    world = World.create(1)
    site, listing = lab(world), world.listings[0]
    scripts = [f"/script-{number}.js" for number in range(3)]
    tags = "".join(f'<script async src="{path}"></script>' for path in scripts)
    head = f'{tags}<link rel=stylesheet href="/style.css"><script>fetch("/private/data")</script></head>'
    site.answers = {path_of(listing): detail_html(world).replace("</head>", head), **dict.fromkeys(scripts, "")}
    pace = {"PROPSPIDER_PORTALS__PINCALI__DELAY_SECONDS": "0.5", "DATABASE_URL": database_url}
    shown = scrapy("detail", "-a", f"url={url_of(listing)}", base_url=start(site), **pace)
    assert shown.returncode == 0, shown.stderr
    # The style sheet is not needed to read the page, and robots.txt closes /private/ to scripts as well.
    assert sorted(site.paths()) == sorted(["/robots.txt", path_of(listing), *scripts])
    _, document, *loaded = (asked.at for asked in site.asked)
    # Turns are 0.525 s apart. A busy machine may take its time between a turn and the wire.
    for turn, at in enumerate(loaded, start=1):
        assert at - document >= 0.525 * turn - 0.4


def test_what_a_script_is_told_holds_and_a_page_without_its_data_is_not_read(
    chromium: Path, start: Start, scrapy: Scrapy, database_url: str
) -> None:
    async def too_busy(_: web.Request) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": "3600"})

    world = World.create(1)
    site, listing = lab(world), world.listings[0]
    head = """<script src="/first.js" onerror="fetch('/data')"></script></head>"""
    site.answers = {path_of(listing): detail_html(world).replace("</head>", head), "/first.js": too_busy, "/data": "{}"}
    given = {
        "PROPSPIDER_PORTALS__PINCALI__DELAY_SECONDS": "1",
        "PROPSPIDER_USER_AGENTS": "a-browser/1.0",
        "DATABASE_URL": database_url,
    }
    shown = scrapy("detail", "-a", f"url={url_of(listing)}", base_url=start(site), **given)
    assert shown.returncode == 1
    assert "Throttled: " in shown.stderr
    assert shown.stderr.strip().splitlines()[-1] == "crawl failed: blocked"
    assert site.paths() == ["/robots.txt", path_of(listing), "/first.js"]
    agents = [asked.agent for asked in site.asked]
    assert agents == ["propspider/0.1 (property-listings sync)", "a-browser/1.0", "a-browser/1.0"]
