"""How everything stands, portal by portal."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from propspider.commands.output import AsJson, ago, connected, console, duration, facts, print_json, say, table

if TYPE_CHECKING:
    from propspider.sync.alerts import AlertRow
    from propspider.sync.breaker import Pause
    from propspider.sync.overview import SessionReport, Walk
    from propspider.sync.queue import QueueStats

SILENT_SECONDS = 120.0
"""Four heartbeats of a session."""


@dataclass(frozen=True)
class PortalStatus:
    portal: str
    manifest: int
    live: dict[str, int]
    sessions: list["SessionReport"]
    """The last of each spider, and all that are running."""
    queue: "QueueStats"
    sweeps: list["Walk"]
    pause: "Pause | None"
    """What holds for it now, its own or that of all portals."""
    alerts: list["AlertRow"]


def status(as_json: AsJson = False) -> None:
    """Listings, sessions, queue and sweeps of each portal."""
    from propspider import portals
    from propspider.sync import alerts, breaker, overview, queue

    with connected() as connection:
        sizes, live = overview.manifest_sizes(connection), overview.live_by_status(connection)
        sessions, walks = overview.latest_sessions(connection), overview.latest_walks(connection)
        told = alerts.open_alerts(connection)
        found = [
            PortalStatus(
                portal=name,
                manifest=sizes.get(name, 0),
                live=live.get(name, {}),
                sessions=[session for session in sessions if session.portal == name],
                queue=queue.stats(connection, name),
                sweeps=[walk for walk in walks if walk.portal == name],
                pause=breaker.paused(connection, name),
                alerts=[alert for alert in told if alert.portal == name],
            )
            for name in sorted({*portals.names(), *sizes, *live, *(session.portal for session in sessions)})
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
                (
                    "queue",
                    f"{queue.pending_count:,} pending{waiting}; {queue.in_progress_count:,} in progress; today "
                    f"{queue.completed_today:,} completed, {queue.failed_today:,} failed; {queue.dead_letters:,} dead letters",
                ),
            ],
            title=found.portal,
        )
    )
    if found.pause is not None:
        say(str(found.pause), style="red")
    _show_alerts(screen, found.alerts)
    if not found.sessions:
        say("no session yet: `scrapy crawl manifest` is the first")
    else:
        of_session = ("session", "spider", "outcome", "started", "took", "pages", "stored", "errors", "reason")
        screen.print(table(of_session, [_session_row(session) for session in found.sessions]))
    if found.sweeps:
        of_walk = ("scope", "pages", "failed", "entries", "of", "cap", "verdict", "ended")
        screen.print(table(of_walk, [_walk_row(walk) for walk in found.sweeps], title="last sweeps"))
    say()


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
    stated = walk.last_stated_total
    return (walk.scope, walk.pages_fetched, walk.pages_failed, walk.entries, stated, walk.cap_hit, walk.verdict, ended)
