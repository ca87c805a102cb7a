"""What is due, once: for a crontab, and for a person who wants everything up to date."""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection, Engine

from propspider import clock
from propspider.portals import Portal
from propspider.sync import tier_runs
from propspider.sync.breaker import PortalPaused
from propspider.sync.leases import LeaseHeld
from propspider.tiers.launch import Launcher
from propspider.tiers.result import TierResult
from propspider.tiers.run import TierBusy, give_up_stale, run_tier
from propspider.tiers.running import Stop
from propspider.tiers.schedule import should_run_tier
from propspider.tiers.table import Key, Tier


def due_tiers(connection: Connection, portal: Portal, tiers: Mapping[Key, Tier]) -> list[Tier]:
    """Those that were cut off first, the oldest run before the others; then those that are due, the shortest first."""
    by_name = {tier.name: tier for tier in tiers.values()}
    cut_off = [by_name[run.tier_name] for run in tier_runs.unfinished(connection, portal.name) if run.tier_name in by_name]
    found = [tier for tier in tiers.values() if should_run_tier(connection, portal, tier, clock.now())]
    return list(dict.fromkeys([*cut_off, *found]))


def run_due(
    engine: Engine, chosen: Sequence[tuple[Portal, Mapping[Key, Tier]]], launcher: Launcher, *, stop: Callable[[], Stop]
) -> tuple[list[TierResult], list[str]]:
    """Results, and why others did not begin. Looks anew after each run: `run_tier` decides what is its schedule's run."""
    done: list[TierResult] = []
    not_run: list[str] = []
    give_up_stale(engine, {portal.name: tiers for portal, tiers in chosen})
    for portal, tiers in chosen:
        with engine.connect() as connection:
            due = due_tiers(connection, portal, tiers)
        for tier in due:
            if stop() is not Stop.NO:
                return done, not_run
            try:
                done.append(run_tier(engine, portal, tier, launcher, scheduled=True, stop=stop))
            except (LeaseHeld, TierBusy, PortalPaused) as error:
                not_run.append(f"{tier.name} of {portal.name} not run: {error}")
    return done, not_run
