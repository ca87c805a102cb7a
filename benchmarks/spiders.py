"""The manifest spider with all that it does, beside a bare spider."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from benchmarks.crawl import Cost, Task, crawl
from benchmarks.ground import PORTAL, Ground
from benchmarks.rows import Row, paired
from benchmarks.site import SCOPE, samples, site
from propspider import portals

ROUNDS = 4
FIRST_LOAD_ROUNDS = 3
PAGES = 300
PAGES_PER_SECOND, CPU = 0.80, 6.0


def rows(ground: Ground) -> Iterator[Row]:
    origin = samples().origin
    with site() as base_url, ground.database("bench_spiders") as url:
        ours = Task(kind="manifest", base_url=base_url, pages=PAGES)
        reading = Task(kind="bare", base_url=base_url, pages=PAGES, urls=listing_urls(base_url, PAGES))
        deaf = Task(kind="bare", base_url=base_url, pages=PAGES, urls=listing_urls(base_url, PAGES), reads=False)
        crawl(ground, url, ours)  # makes the listings known, and the pages
        costs: list[tuple[Cost, Cost, Cost]] = []
        for turn in range(ROUNDS):
            ground.say(f"manifest spider and bare spiders, {PAGES} pages each, round {turn + 1} of {ROUNDS}")
            costs.append((crawl(ground, url, ours), crawl(ground, url, reading), crawl(ground, url, deaf)))
    first: list[tuple[Cost, Cost]] = []
    with site() as base_url:
        for turn in range(FIRST_LOAD_ROUNDS):
            ground.say(f"manifest spider into an empty database, round {turn + 1} of {FIRST_LOAD_ROUNDS}")
            ours = Task(kind="manifest", base_url=base_url, pages=PAGES)
            reading = Task(kind="bare", base_url=base_url, pages=PAGES, urls=listing_urls(base_url, PAGES))
            with ground.database("bench_first_load") as url:
                first.append((crawl(ground, url, ours), crawl(ground, url, reading)))
    yield paired(
        "manifest spider, known listings: pages/s",
        [(PAGES / a.seconds, PAGES / b.seconds) for a, b, _ in costs],
        target=PAGES_PER_SECOND,
        better="higher",
        measure="pages/s",
        against="bare spider, same page object",
        note=f"{origin}; every listing known, none changed",
    )
    yield paired(
        "manifest spider, first load: pages/s",
        [(PAGES / a.seconds, PAGES / b.seconds) for a, b in first],
        target=PAGES_PER_SECOND,
        better="higher",
        measure="pages/s",
        against="bare spider, same page object",
        note=f"{origin}; every listing new",
    )
    yield paired(
        "manifest spider: CPU per page, storing included",
        [(1000 * a.cpu_seconds / PAGES, 1000 * c.cpu_seconds / PAGES) for a, _, c in costs],
        target=CPU,
        better="lower",
        measure="ms",
        against="ms, bare spider that reads nothing",
        note=f"{origin}; of the crawl's own process, the server's not included",
    )


def listing_urls(base_url: str, pages: int) -> list[str]:
    portal = portals.load(PORTAL)
    own = [urlsplit(portal.page_url(SCOPE, page)) for page in range(1, pages + 1)]
    return [f"{base_url}{url.path}" + (f"?{url.query}" if url.query else "") for url in own]
