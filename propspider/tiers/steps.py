"""What each step of a tier does. A step may be taken up again after it was cut off: what it has done already it leaves."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from math import inf
from types import MappingProxyType

from sqlalchemy import Connection

from propspider import clock
from propspider.portals import Portal
from propspider.sync import leases, queue, runs, tier_runs
from propspider.sync.tier_runs import ScopeSize
from propspider.tiers.running import SWEEP_WAIT_SECONDS, Running
from propspider.tiers.table import Step, Tier

SETTLED_DAYS = 30
"""How long settled queue rows are kept."""
WALK_SHARE = 0.5
"""Of a day's requests that listing pages may take where every page is wanted; the rest is for details."""
VERIFY_SHARE = 0.5
"""Of the time that is left: new listings matter as much as those that are gone."""
SPLIT_SHARE = 1.1
"""Pages of a whole walk beside what its listings fill: parts end in the middle of a page, some pages are read twice."""


def manifest(running: Running) -> None:
    _walk(running, pages_to_walk(running.tier, *_sizes(running)))


def go_on(running: Running) -> None:
    """Twice as deep in those scopes whose last page still held something new."""
    while deeper := further_pages(running.tier, running.transact(lambda c: tier_runs.scopes_to_go_on(c, running.run_id))):
        scopes, pages = deeper
        _walk(running, pages, scopes=scopes)


def further_pages(tier: Tier, fresh: Mapping[str, int]) -> tuple[list[str], int] | None:
    """Scopes to walk again and how far, those that were walked least first; None when that is all."""
    open_ended = {scope: pages for scope, pages in fresh.items() if 0 < pages < tier.go_on_pages}
    if not open_ended:
        return None
    least = min(open_ended.values())
    return [scope for scope, pages in open_ended.items() if pages == least], min(2 * least, tier.go_on_pages)


def verify(running: Running) -> None:
    """The spider opens the cases that the sweeps ask for before it asks for their listings."""
    running.await_free([f"verify:{running.portal.name}"], SWEEP_WAIT_SECONDS)
    left = running.seconds_left()
    running.crawl("verify", seconds=None if left == inf else VERIFY_SHARE * left)
    if cases := sum(running.transact(lambda connection: queue.waiting(connection, running.portal.name, "verify")).values()):
        running.remark(f"{cases:,} listings are left to be verified by the next run")


def top_up(running: Running) -> None:
    running.transact(lambda connection: refill(connection, running, sample=True))


def detail(running: Running) -> None:
    """Until the queue, and what the tier fills it from, is empty, or as many as the tier may fetch were."""
    while running.transact(lambda connection: _is_wanted(connection, running)):
        left, before = items_left(running), _handled(running)
        if left == 0:
            running.remark(f"{running.tier.max_items:,} details, as many as the tier may fetch; what is left stays queued")
            return
        running.crawl("detail", limit=left or 0, slower=running.tier.slower)
        if _handled(running) == before:
            return
        if items_left(running) != 0 and not running.transact(lambda connection: refill(connection, running, sample=False)):
            return


def clean_up(running: Running) -> None:
    def work(connection: Connection) -> None:
        runs.bury_the_dead(connection)
        queue.cleanup(connection, older_than=timedelta(days=SETTLED_DAYS), portal=running.portal.name)

    running.transact(work)


def report(running: Running) -> None:
    for hook in REPORTS:
        running.transact(lambda connection, hook=hook: hook(connection, running))  # type: ignore[misc]


REPORTS: list[Callable[[Connection, Running], None]] = []
"""Reports and retention; each in a transaction of its own."""

STEPS: Mapping[Step, Callable[[Running], None]] = MappingProxyType(
    {
        Step.MANIFEST: manifest,
        Step.GO_ON: go_on,
        Step.VERIFY: verify,
        Step.TOP_UP: top_up,
        Step.DETAIL: detail,
        Step.CLEAN_UP: clean_up,
        Step.REPORT: report,
    }
)


def pages_to_walk(tier: Tier, sizes: Mapping[str, ScopeSize], scopes: list[str], requests_per_day: int) -> int:
    """Of each scope; 0 = all. A scope that was never walked has an unknown size: then only the tier's own pages are sure."""
    if not tier.affords_all or not set(scopes) <= set(sizes):
        return tier.pages
    every = SPLIT_SHARE * sum(sizes[scope].listings / sizes[scope].page_size for scope in scopes)
    return 0 if every <= WALK_SHARE * requests_per_day else tier.pages


def refill(connection: Connection, running: Running, *, sample: bool) -> int:
    """Rows that were added to the queue, and counted for the run."""
    added = fill(connection, running.portal, running.tier, clock.now(), sample=sample)
    tier_runs.add_queued(connection, running.run_id, running.lease, added)
    return added


def fill(connection: Connection, portal: Portal, tier: Tier, now: datetime, *, sample: bool) -> int:
    """What the tier wants fetched, as far as the window reaches. Detail crawls refill it with what is new and changed."""
    stale_before = None if tier.stale is None else now - tier.stale
    size = sample_size(connection, portal.name, tier.sample) if sample and tier.sample else 0
    ceiling = portal.facts.queue_ceiling
    return queue.top_up(connection, portal.name, stale_before=stale_before, sample=size, ceiling=ceiling)


def sample_size(connection: Connection, portal: str, share: float) -> int:
    return round(share * tier_runs.shown(connection, portal))


def items_left(running: Running) -> int | None:
    """Details that the run may still fetch; None: no bound."""
    return max(0, running.tier.max_items - _handled(running)) if running.tier.max_items else None


def _handled(running: Running) -> int:
    return sum(crawl.handled for crawl in running.crawls() if crawl.spider == "detail")


def _is_wanted(connection: Connection, running: Running) -> bool:
    return bool(queue.waiting(connection, running.portal.name, "detail"))


def _sizes(running: Running) -> tuple[Mapping[str, ScopeSize], list[str], int]:
    facts = running.portal.facts
    sizes = running.transact(lambda connection: tier_runs.scope_sizes(connection, running.portal.name))
    return sizes, list(facts.scopes), facts.requests_per_day


def _walk(running: Running, pages: int, scopes: list[str] | None = None) -> None:
    names = scopes or list(running.portal.facts.scopes)
    running.await_free([f"sweep:{running.portal.name}:{scope}" for scope in names], SWEEP_WAIT_SECONDS)
    if running.tier.level != 1:
        # Tier 1 looks at this run's step before it begins; whichever of the two is second waits for the other.
        running.await_free([leases.of_tier(running.portal.name, 1)], None)
    running.crawl("manifest", pages=pages, scope=",".join(scopes) if scopes else None)
