"""How a small world stands for the field: N listings for 600,000, and everything that counts listings or requests alike."""

from dataclasses import dataclass, replace
from math import ceil
from typing import NamedTuple

from propspider.lab.parameters import MOST_LISTINGS, Parameters
from propspider.sync.queue import CEILING
from propspider.tiers.table import TABLE, Step, Tier

FIELD_LISTINGS = 600_000
FIELD_REQUESTS_PER_LISTING = 0.072
"""A day: one request every two seconds."""
FIELD_DEPTH_CAP = 100
FEWEST_PAGES = 75
PAGE_SIZE = 42
OLDEST_DAYS = 60
_BOUNDS = "pages, details a run"
DAY = 86_400


class Row(NamedTuple):
    """One line of the arithmetic, worded."""

    what: str
    field: str
    here: str


@dataclass(frozen=True)
class Scale:
    """Counts of the field times `listings` / 600,000, at least 1; times per request divided by it. Pages keep their 42 cards.

    A sweep is the same share of the day's requests as in the field, and a listing gets the same requests a day. The depth cap is
    at least 75 pages: the last page of each part of a walk is half empty, and in the many small parts that a small cap makes of a
    small world a sweep would cost up to twice what its listings are worth; in the field it costs a tenth more. What each crawl
    asks for once however large the portal is, its robots.txt, costs no more than in the field.
    """

    listings: int
    requests_per_listing: float = FIELD_REQUESTS_PER_LISTING
    """And day."""

    def __post_init__(self) -> None:
        if not 1 <= self.listings <= MOST_LISTINGS:
            raise ValueError(f"a living world has 1 to {MOST_LISTINGS:,} listings")

    @property
    def factor(self) -> float:
        return self.listings / FIELD_LISTINGS

    @property
    def seconds_per_request(self) -> float:
        """Of simulated time."""
        return DAY / self.requests_per_day

    @property
    def requests_per_day(self) -> float:
        return self.requests_per_listing * self.listings

    @property
    def depth_cap(self) -> int:
        return max(FEWEST_PAGES, self.count(FIELD_DEPTH_CAP))

    @property
    def queue_ceiling(self) -> int:
        return self.count(CEILING)

    @property
    def sweep_pages(self) -> int:
        """Of a sweep whose pages are all full."""
        return ceil(self.listings / PAGE_SIZE)

    def count(self, in_the_field: int) -> int:
        """0, which is no bound, stays 0."""
        return max(1, round(in_the_field * self.factor)) if in_the_field else 0

    def tier(self, tier: Tier) -> Tier:
        return replace(
            tier,
            pages=self.count(tier.pages),
            go_on_pages=self.count(tier.go_on_pages),
            max_items=self.count(tier.max_items),
        )

    def demand(self, parameters: Parameters) -> str:
        """What a day asks for beside what it affords: the reason of a figure that the budget cannot reach."""
        walk, daily = self.sweep_pages, self.listings * parameters.listings.arrivals
        gone, changed = self.listings / parameters.life.mean_days, self.listings * parameters.changes.prices
        oldest = self.listings / OLDEST_DAYS
        wanted = walk + daily + gone + changed + oldest
        return (
            f"the budget is {self.requests_per_day:,.0f} requests a day; one sweep ({walk:,}), what is new ({daily:,.0f}), gone"
            f" ({gone:,.0f}) or re-priced ({changed:,.0f}) and every detail once in {OLDEST_DAYS} days ({oldest:,.0f})"
            f" are {wanted:,.0f} before retries, controls, tier 1 and listings that were only overlooked"
        )

    def rows(self, parameters: Parameters) -> list[Row]:
        """What is scaled, and the demand that the requests of a day are to meet."""
        field = Scale(FIELD_LISTINGS, self.requests_per_listing)
        rows = [
            Row("listings", *(f"{one.listings:,}" for one in (field, self))),
            Row("seconds per request", *(f"{one.seconds_per_request:g}" for one in (field, self))),
            Row("requests per day", *(f"{one.requests_per_day:,.1f}" for one in (field, self))),
            Row("requests per listing and day", *(f"{one.requests_per_day / one.listings:.3f}" for one in (field, self))),
            Row(f"pages of {PAGE_SIZE} in a sweep", *(f"{one.sweep_pages:,}" for one in (field, self))),
            Row("a sweep, of a day's requests", *(f"{one.sweep_pages / one.requests_per_day:.1%}" for one in (field, self))),
            Row("depth cap of one walk, pages", *(f"{one.depth_cap:,}" for one in (field, self))),
            Row("queue ceiling", *(f"{one.queue_ceiling:,}" for one in (field, self))),
        ]
        rows += [
            Row(f"{tier.name}: {_BOUNDS}", *(_bounds(one.tier(tier)) for one in (field, self)))
            for tier in TABLE
            if tier.max_items
        ]
        for what, rate in (
            ("arrivals a day", parameters.listings.arrivals),
            ("removals a day", (1 + parameters.relist.share) / parameters.life.mean_days),
            ("price changes a day", parameters.changes.prices),
            ("edits a day", parameters.changes.edits),
            ("bumps a day", parameters.changes.bumps),
        ):
            rows.append(Row(what, *(f"{rate * one.listings:,.1f}" for one in (field, self))))
        return rows


def _bounds(tier: Tier) -> str:
    pages = (f"{tier.pages:,}" if tier.pages else "all") if Step.MANIFEST in tier.steps else "none"
    return f"{pages}, {tier.max_items:,}"
