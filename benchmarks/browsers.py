"""Detail pages by browser, with all that is done with them, beside bare scrapy-playwright."""

from collections.abc import Iterator
from importlib.util import find_spec

from benchmarks.crawl import CrawlFailed, Task, crawl
from benchmarks.details import put_details_in_need
from benchmarks.ground import Ground
from benchmarks.rows import Row, not_measured, paired
from benchmarks.site import detail_path, samples, site
from propspider.config import load

ROUNDS = 3
PAGES = 24
SHARE = 0.85
SEED_PER_MINUTE = 50.0
RATIO = "details by browser / bare scrapy-playwright"
SEED = "seed: details a minute by browser"


def rows(ground: Ground) -> Iterator[Row]:
    if (missing := _missing()) is not None:
        yield from _neither(missing)
        return
    pairs: list[tuple[float, float]] = []
    with site() as base_url, ground.database("bench_browser") as url:
        put_details_in_need(url, (ROUNDS + 1) * PAGES)
        ours = Task(kind="detail", base_url=base_url, pages=PAGES, browser=True)
        urls = [base_url + detail_path(number) for number in range(1, PAGES + 1)]
        bare = Task(kind="bare", base_url=base_url, pages=PAGES, browser=True, urls=urls)
        try:
            for turn in range(ROUNDS):
                ground.say(f"{PAGES} details by browser and by bare scrapy-playwright, round {turn + 1} of {ROUNDS}")
                mine, other = crawl(ground, url, ours), crawl(ground, url, bare)
                pairs.append((60 * PAGES / mine.seconds, 60 * PAGES / other.seconds))
        except CrawlFailed as error:
            yield from _neither(f"a crawl by browser failed: {error}")
            return
    origin = samples().origin
    yield paired(
        RATIO,
        pairs,
        target=SHARE,
        better="higher",
        measure="a minute",
        against="a minute",
        note=f"{origin}; as many pages at once, both wait until nothing is loading; the start of the browser included",
    )
    yield Row(
        name=SEED,
        values=tuple(ours for ours, _ in pairs),
        target=SEED_PER_MINUTE,
        better="higher",
        unit="per minute",
        note=f"{origin}; measured without a pace, stored",
    )


def _neither(reason: str) -> Iterator[Row]:
    yield not_measured(RATIO, reason, target=SHARE, better="higher")
    yield not_measured(SEED, reason, target=SEED_PER_MINUTE, better="higher", unit="per minute")


def _missing() -> str | None:
    if find_spec("propspider.browser") is None:
        return "this version does not render by browser"
    from propspider.browser import executable

    try:
        executable.find(load())
    except executable.NoBrowser as error:
        return str(error)
    return None
