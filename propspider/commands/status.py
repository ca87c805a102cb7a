"""How everything stands, portal by portal."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from propspider.commands.output import AsJson, ago, connected, console, duration, facts, print_json, say, table

if TYPE_CHECKING:
    from propspider.sync.alerts import AlertRow
    from propspider.sync.breaker import Pause
    from propspider.sync.overview import Freshness, SessionReport, Walk
    from propspider.sync.queue import QueueStats
    from propspider.tiers.result import ScheduleStatus, TierSchedule

SILENT_SECONDS = 120.0
"""Four heartbeats of a session."""


@dataclass(frozen=True)
class PortalStatus:
    portal: str
    manifest: int
    live: dict[str, int]
    freshness: "Freshness | None"
    schedule: "ScheduleStatus | None"
    """None for a portal that is no longer configured."""
    sessions: list["SessionReport"]
    """The last of each spider, and all that are running."""
    queue: "QueueStats"
    sweeps: list["Walk"]
    pause: "Pause | None"
    """What holds for it now, its own or that of all portals."""
    alerts: list["AlertRow"]


def status(as_json: AsJson = False) -> None:
    """Listings and how fresh they are, tiers, sessions, queue, sweeps, removals and open alerts of each portal."""
    from propspider import clock, portals
    from propspider.config import load
    from propspider.sync import alerts, breaker, overview, queue
    from propspider.tiers.schedule import get_schedule_status
    from propspider.tiers.table import of_portal

    config = load()
    with connected() as connection:
        known = {name: portals.load(name, config.facts_of(name)) for name in portals.names()}
        schedules = {
            name: get_schedule_status(connection, portal, of_portal(portal, config), clock.now())
            for name, portal in known.items()
        }
        fresh = overview.freshness(connection)
        sizes, live = overview.manifest_sizes(connection), overview.live_by_status(connection)
        sessions, walks = overview.latest_sessions(connection), overview.latest_walks(connection)
        told = alerts.open_alerts(connection)
        found = [
            PortalStatus(
                portal=name,
                manifest=sizes.get(name, 0),
                live=live.get(name, {}),
                freshness=fresh.get(name),
                schedule=schedules.get(name),
                sessions=[session for session in sessions if session.portal == name],
                queue=queue.stats(connection, name),
                sweeps=[walk for walk in walks if walk.portal == name],
                pause=breaker.paused(connection, name),
                alerts=[alert for alert in told if alert.portal == name],
            )
            for name in sorted({*known, *sizes, *live, *(session.portal for session in sessions)})
        ]
    if as_json:
        print_json({"portals": found, "alerts": [alert for alert in told if not alert.portal]})
        return
    for portal in found:
        _show(console(), portal)
    _show_alerts(console(), [alert for alert in told if not alert.portal])


def _show(screen: Console, found: PortalStatus) -> None:
    live = ", ".join(f"{rows:,} {state}" for state, rows in found.live.items()) or "none"
    queue = found.queue
    waiting = f", the oldest for {duration(queue.oldest_wait_seconds)}" if queue.pending_count else ""
    screen.print(
        facts(
            [
                ("manifest", f"{found.manifest:,} listings"),
                ("live", live),
                *_freshness_lines(found.freshness),
                (
                    "queue",
                    f"{queue.pending_count:,} pending{waiting}; {queue.in_progress_count:,} in progress; today "
                    f"{queue.completed_today:,} completed, {queue.failed_today:,} failed; {queue.dead_letters:,} dead letters",
                ),
                *([("waiting for", _reasons(queue.by_reason))] if queue.by_reason else []),
            ],
            title=found.portal,
        )
    )
    if found.pause is not None:
        say(str(found.pause), style="red")
    _show_alerts(screen, found.alerts)
    if found.schedule is not None:
        of_tier = ("tier", "name", "last", "outcome", "next", "now")
        rows = [_tier_row(tier) for tier in found.schedule.tiers]
        screen.print(table(of_tier, rows, title=f"tiers, {found.schedule.time_zone}"))
    if not found.sessions:
        say("no session yet: `scrapy crawl manifest` is the first")
    else:
        of_session = ("session", "spider", "outcome", "started", "took", "pages", "stored", "errors", "reason")
        screen.print(table(of_session, [_session_row(session) for session in found.sessions]))
    if found.sweeps:
        of_walk = ("scope", "pages", "failed", "entries", "of", "cap", "verdict", "ended")
        screen.print(table(of_walk, [_walk_row(walk) for walk in found.sweeps], title="last sweeps"))
    say()


def _freshness_lines(found: "Freshness | None") -> list[tuple[str, str]]:
    if found is None:
        return []
    read = ", ".join(
        f"{count / found.listings:.0%} within {days} days"
        for days, count in ((7, found.within_7_days), (14, found.within_14_days), (30, found.within_30_days))
        if found.listings
    )
    removals = f"{found.open_cases:,} to be verified, {found.quarantined:,} wait for an approval"
    lines = [("details read", read)] if read else []
    return [*lines, ("removals", f"{removals}; {found.removed_within_7_days:,} confirmed within 7 days")]


def _reasons(by_reason: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in by_reason.items())


def _tier_row(tier: "TierSchedule") -> tuple[object, ...]:
    now = tier.step if tier.running else f"cut off at {tier.step}" if tier.interrupted else "due" if tier.is_due else None
    return (
        tier.tier,
        tier.name,
        ago(tier.last_started),
        tier.last_status,
        tier.next_run if tier.enabled else "off",
        now,
    )


def _show_alerts(screen: Console, alerts: "list[AlertRow]") -> None:
    if alerts:
        of_alert = ("alert", "subject", "message", "times", "last")
        rows = [(alert.kind, alert.subject, alert.message, alert.times, ago(alert.last_at)) for alert in alerts]
        screen.print(table(of_alert, rows, title="open alerts", wide=("message",)))


def _session_row(session: "SessionReport") -> tuple[object, ...]:
    return (
        str(session.id)[:8],
        session.spider,
        outcome(session),
        ago(session.started_at),
        duration(session.seconds),
        session.pages,
        session.stored,
        session.errors,
        session.finish_reason,
    )


def outcome(session: "SessionReport") -> Text:
    if session.silent_seconds is not None and session.silent_seconds > SILENT_SECONDS:
        return Text(f"no heartbeat for {duration(session.silent_seconds)}", style="red")
    return Text(session.status, style="red" if session.status == "failed" else "")


def _walk_row(walk: "Walk") -> tuple[object, ...]:
    ended = ago(walk.completed_at) if walk.completed_at else walk.status
    seen = walk.entries if walk.distinct_listings is None else walk.distinct_listings
    stated = walk.last_stated_total
    return (walk.scope, walk.pages_fetched, walk.pages_failed, seen, stated, walk.parts or None, walk.verdict, ended)
