"""The load targets of the requirements, in seconds and per minute."""

from collections.abc import Iterator

from benchmarks.crawl import Task, crawl
from benchmarks.details import put_details_in_need
from benchmarks.ground import PORTAL, Ground
from benchmarks.rows import Row
from benchmarks.site import samples, site
from propspider import portals
from propspider.sync.pacing import SAFETY

ROUNDS = 3
PAGES = 120
SMALL_PACE = 0.05
DETAILS = 300
TARGETS = ((100, 300.0), (1000, 2700.0))
DETAILS_A_MINUTE = 200.0


def rows(ground: Ground) -> Iterator[Row]:
    overheads, details = [], []
    with site() as base_url, ground.database("bench_seed_pages") as url, ground.database("bench_seed_details") as details_url:
        put_details_in_need(details_url, ROUNDS * DETAILS)
        for turn in range(ROUNDS):
            ground.say(f"{PAGES} paced listing pages and {DETAILS} details, round {turn + 1} of {ROUNDS}")
            paced = crawl(ground, url, Task(kind="manifest", base_url=base_url, pages=PAGES, delay_seconds=SMALL_PACE))
            overheads.append(max(0.0, paced.wall_seconds - PAGES * SMALL_PACE * SAFETY) / PAGES)
            cost = crawl(ground, details_url, Task(kind="detail", base_url=base_url, pages=DETAILS))
            details.append(60 * DETAILS / cost.seconds)
    origin = samples().origin
    pace = portals.load(PORTAL).facts.delay_seconds
    for pages, target in TARGETS:
        yield Row(
            name=f"seed: {pages:,} listing pages at {pace:g} s a page",
            values=tuple(pages * (pace * SAFETY + overhead) for overhead in overheads),
            target=target,
            better="lower",
            unit="seconds",
            note=f"{origin}; extrapolated: {PAGES} pages were walked at {SMALL_PACE:g} s a page, what they took beyond the pace,"
            f" the start of the process included, is added to each page at {pace:g} s × {SAFETY:g}",
        )
    yield Row(
        name="seed: details a minute over HTTP",
        values=tuple(details),
        target=DETAILS_A_MINUTE,
        better="higher",
        unit="per minute",
        note=f"{origin}; measured without a pace, stored: what the program can do, not what a portal is asked to bear",
    )
