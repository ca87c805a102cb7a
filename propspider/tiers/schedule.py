"""Which tiers are due, as the runs in the database say. Functions take a connection and only read."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from propspider.portals import Portal
from propspider.sync import breaker, leases, tier_runs
from propspider.sync.tier_runs import LastRun, TierRun
from propspider.tiers.result import ScheduleStatus, TierSchedule
from propspider.tiers.running import budget_text
from propspider.tiers.table import Key, Tier, due, next_run


def should_run_tier(connection: Connection, portal: Portal, tier: Tier, now: datetime) -> bool:
    """Whether the tier is due by its schedule; a run of it that is under way counts as its last one."""
    return due(tier, *_last(tier_runs.history(connection, portal.name).get(tier.name)), now, zone_of(portal))


def get_next_scheduled_run(connection: Connection, portal: Portal, tier: Tier, now: datetime) -> datetime | None:
    """In the past when it is overdue; None for a tier that runs by hand only or is switched off."""
    return next_run(tier, *_last(tier_runs.history(connection, portal.name).get(tier.name)), now, zone_of(portal))


def get_schedule_status(connection: Connection, portal: Portal, tiers: Mapping[Key, Tier], now: datetime) -> ScheduleStatus:
    """Last, next and current runs of a portal's tiers."""
    past = tier_runs.history(connection, portal.name)
    held = {one.name for one in leases.held(connection, [leases.of_tier(portal.name, level) for level in (None, 1)])}
    open_runs = {run.tier_name: run for run in tier_runs.unfinished(connection, portal.name)}
    found = [_schedule(portal, tier, past.get(tier.name), open_runs.get(tier.name), held, now) for tier in tiers.values()]
    pause = breaker.paused(connection, portal.name)
    return ScheduleStatus(
        portal=portal.name,
        time_zone=portal.facts.time_zone,
        tiers=found,
        current=[tier.name for tier in found if tier.running is not None],
        paused=None if pause is None else str(pause),
    )


def _schedule(
    portal: Portal, tier: Tier, past: LastRun | None, open_run: TierRun | None, held: set[str], now: datetime
) -> TierSchedule:
    last = _last(past)
    is_running = open_run is not None and leases.of_tier(portal.name, tier.level) in held
    return TierSchedule(
        tier=tier.key.value,
        name=tier.name,
        trigger=trigger_text(tier),
        enabled=tier.enabled,
        last_started=last[1],
        last_status=None if past is None else past.status,
        last_error=None if past is None else past.error_summary,
        last_scheduled=last[0],
        next_run=next_run(tier, *last, now, zone_of(portal)),
        is_due=due(tier, *last, now, zone_of(portal)),
        running=open_run.id if open_run is not None and is_running else None,
        interrupted=open_run.id if open_run is not None and not is_running else None,
        step=None if open_run is None else open_run.metadata.get("step"),
    )


def zone_of(portal: Portal) -> ZoneInfo:
    return ZoneInfo(portal.facts.time_zone)


def trigger_text(tier: Tier) -> str:
    if not tier.enabled:
        return "off"
    return f"every {budget_text(tier.every)}" if tier.every is not None else tier.cron or "by hand"


def _last(past: LastRun | None) -> tuple[datetime | None, datetime | None]:
    return (None, None) if past is None else (past.last_scheduled, past.started_at)
