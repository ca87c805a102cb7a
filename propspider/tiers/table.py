"""The tiers as data, and when they are due. Pure."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from propspider.config import Config
from propspider.overrides import TierOverride
from propspider.portals import Portal


class Step(StrEnum):
    """In the order of the table. Those of crawls are named like their spider where one spider is the step."""

    MANIFEST = "manifest"
    GO_ON = "go_on"
    """Deeper where the last page that was walked still held something new, at most to tier 2's pages."""
    VERIFY = "verify"
    """Opens the cases of listings that complete sweeps missed, and asks for them."""
    TOP_UP = "top_up"
    DETAIL = "detail"
    CLEAN_UP = "clean_up"
    REPORT = "report"
    """For reports and retention."""


class Key(StrEnum):
    """How a tier is asked for."""

    ONE = "1"
    TWO = "2"
    THREE = "3"
    FOUR = "4"
    FULL = "full"


@dataclass(frozen=True, kw_only=True)
class Tier:
    """`cron` in the portal's time zone; `every` takes its place, counted from the last start; both None: by hand only.

    `pages` 0 = all; `max_items` 0 = no bound, detail pages a run; `sample`: share of 1 of what is shown; `budget` None = no end.
    """

    key: Key
    name: str
    steps: tuple[Step, ...]
    cron: str | None = None
    every: timedelta | None = None
    pages: int = 0
    affords_all: bool = False
    """Every page instead of `pages` where the portal's requests_per_day allow it."""
    go_on_pages: int = 0
    stale: timedelta | None = None
    sample: float = 0.0
    max_items: int = 0
    slower: float = 1.0
    budget: timedelta | None = None
    enabled: bool = True

    @property
    def level(self) -> int | None:
        return None if self.key is Key.FULL else int(self.key)


_DETAILS = (Step.TOP_UP, Step.DETAIL)

TABLE: tuple[Tier, ...] = (
    Tier(
        key=Key.ONE,
        name="hot_listings",
        cron="0 */6 * * *",
        pages=10,
        steps=(Step.MANIFEST, Step.GO_ON, *_DETAILS),
        max_items=2_000,
        budget=timedelta(hours=2),
    ),
    Tier(
        key=Key.TWO,
        name="daily_sync",
        cron="0 0 * * *",
        pages=100,
        affords_all=True,
        steps=(Step.MANIFEST, Step.VERIFY, *_DETAILS),
        max_items=10_000,
        budget=timedelta(hours=20),
    ),
    Tier(
        key=Key.THREE,
        name="weekly_deep",
        cron="0 2 * * sun",
        steps=(Step.MANIFEST, Step.VERIFY, *_DETAILS, Step.CLEAN_UP),
        stale=timedelta(days=7),
        # With tier 4's: 300,000 a month, so that of 600,000 listings no detail is older than 60 days.
        max_items=60_000,
        budget=timedelta(hours=40),
    ),
    Tier(
        key=Key.FOUR,
        name="monthly_refresh",
        cron="0 4 1 * *",
        steps=(*_DETAILS, Step.REPORT),
        stale=timedelta(days=30),
        sample=0.1,
        slower=2.0,
        max_items=60_000,
        budget=timedelta(hours=72),
    ),
    Tier(key=Key.FULL, name="full_sync", steps=(Step.MANIFEST, *_DETAILS)),
)


def of_portal(portal: Portal, config: Config) -> dict[Key, Tier]:
    """The table as it holds for a portal: its portal.toml before the defaults, TIER_n_ variables before that, and what the
    installation says of this portal alone before everything.
    """
    own = config.portals.get(portal.name)
    layers = (portal.facts.tiers, config.tiers, own.tiers if own is not None else {})
    found = {tier.key: tier for tier in TABLE}
    for layer in layers:
        for level, override in layer.items():
            key = Key(str(level))
            found[key] = _changed(found[key], override)
    found[Key.ONE] = replace(found[Key.ONE], go_on_pages=found[Key.TWO].pages)
    return found


def _changed(tier: Tier, override: TierOverride) -> Tier:
    same = override.model_dump(include={"enabled", "pages", "sample", "max_items", "slower"}, exclude_none=True)
    if "pages" in same:
        same["affords_all"] = False
    if override.stale_days is not None:
        same["stale"] = timedelta(days=override.stale_days)
    if override.budget_hours is not None:
        same["budget"] = timedelta(hours=override.budget_hours)
    if override.cron is not None:
        same |= {"cron": override.cron, "every": None}
    if override.every_hours is not None:
        same |= {"cron": None, "every": timedelta(hours=override.every_hours)}
    return replace(tier, **same)


def next_run(
    tier: Tier, last_scheduled: datetime | None, last_started: datetime | None, now: datetime, zone: ZoneInfo
) -> datetime | None:
    """When the tier is to run next; in the past when it is overdue, `now` when it never ran. None: by hand only, or switched off.

    By the calendar it counts from the last *scheduled* run, so that one that was missed is made up for once and a clock that is
    set back doubles none; `last_scheduled` is when that one was found due. An interval counts from the last start.
    """
    if not tier.enabled:
        return None
    if tier.every is not None:
        return now if last_started is None else last_started + tier.every
    if tier.cron is None:
        return None
    return now if last_scheduled is None else next_fire(tier.cron, last_scheduled, zone)


def due(tier: Tier, last_scheduled: datetime | None, last_started: datetime | None, now: datetime, zone: ZoneInfo) -> bool:
    coming = next_run(tier, last_scheduled, last_started, now, zone)
    return coming is not None and coming <= now


def next_fire(cron: str, after: datetime, zone: ZoneInfo) -> datetime | None:
    """The first moment after `after` that the calendar names, in UTC.

    Reckoned on the wall clock without its jumps, which CronTrigger gets wrong: what falls into an hour that is left out comes an
    hour later, what falls into one that is repeated comes once.
    """
    wall = after.astimezone(zone).replace(tzinfo=UTC)
    while True:
        wall = _trigger(cron).get_next_fire_time(None, wall + timedelta(microseconds=1))
        if wall is None:
            return None
        found: datetime = wall.replace(tzinfo=zone).astimezone(UTC)
        if found > after:
            return found


@lru_cache(maxsize=64)
def _trigger(cron: str) -> CronTrigger:
    return CronTrigger.from_crontab(cron, timezone=UTC)
