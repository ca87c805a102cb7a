"""Open alerts on their way to people, through the services of PROPSPIDER_ALERT_URLS.

Addresses are secret and leave this module for their service only. A service is named by its scheme (`mailto`, `json`, a second
one `json-2`), in the order of the configuration.
"""

import logging
import os
import re
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from pydantic import SecretStr
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from propspider.config import load
from propspider.db.transactions import ConnectionLost, in_transaction
from propspider.fields.text import clean_line
from propspider.sync import alerts, leases
from propspider.sync.alerts import DueAlert
from propspider.sync.leases import Lease, LeaseHeld

if TYPE_CHECKING:
    from apprise import Apprise

PATIENCE_SECONDS = 10.0
"""After this no further message is begun; one that is under way takes a few seconds more at most."""
GIVEN_UP_SECONDS = 2 * PATIENCE_SECONDS
LONGEST_MESSAGE = 1500
LEASE, LEASE_SECONDS = "alert delivery", 60.0
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,19})://")

log = structlog.get_logger(__name__)

_failing: set[str] = set()
"""Services that have been complained about: once each until they answer again."""


@dataclass(frozen=True)
class Service:
    """`way` is None when the address cannot be read."""

    name: str
    way: "Apprise | None"

    def send(self, title: str, body: str, severity: str) -> bool:
        """Whether the service accepted it; it answers within seconds or not at all."""
        if self.way is None:
            return False
        from apprise import NotifyFormat, NotifyType

        kinds = {"info": NotifyType.INFO, "warning": NotifyType.WARNING, "critical": NotifyType.FAILURE}
        return bool(self.way.notify(body=body, title=title, notify_type=kinds[severity], body_format=NotifyFormat.TEXT))


@dataclass(frozen=True)
class Delivered:
    """`sent`: alerts that every service has now; `waiting`: those that a service did not take; `failed`: names of such services.
    `is_busy`: another process is at it, and takes what is open along.
    """

    sent: int = 0
    waiting: int = 0
    failed: tuple[str, ...] = ()
    is_busy: bool = False


def services(urls: Sequence[SecretStr]) -> list[Service]:
    """Imports Apprise."""
    import apprise

    # Both repeat addresses, tokens included, in what they log.
    for talkative in ("apprise", "urllib3"):
        logging.getLogger(talkative).setLevel(logging.CRITICAL + 1)
    asset = apprise.AppriseAsset(app_id="propspider", app_desc="property listings sync", app_url="", http_redirects=False)
    found: list[Service] = []
    for name, url in zip(names(urls), urls, strict=True):
        way = apprise.Apprise(asset=asset)
        found.append(Service(name, way if way.add(url.get_secret_value()) else None))
    return found


def names(urls: Sequence[SecretStr]) -> list[str]:
    found: list[str] = []
    for url in urls:
        match = _SCHEME.match(url.get_secret_value().lower())
        scheme = match[1] if match else "unreadable"
        same = sum(name == scheme or name.startswith(f"{scheme}-") for name in found)
        found.append(f"{scheme}-{same + 1}" if same else scheme)
    return found


def deliver_open(engine: Engine, *, seconds: float = PATIENCE_SECONDS) -> Delivered:
    """Sends open alerts that are due (see sync.alerts.due). Nothing happens where no service is configured.

    What a service does not accept stays due; a process that dies in mid-delivery may send one alert twice, never lose it.
    Raises ConnectionLost and SQLAlchemyError, nothing about a service.
    """
    urls = load().alert_urls
    if not urls or not in_transaction(engine, alerts.due):
        return Delivered()
    holder = f"{socket.gethostname()}:{os.getpid()}"
    try:
        lease = in_transaction(engine, lambda connection: leases.acquire(connection, LEASE, holder, ttl_seconds=LEASE_SECONDS))
    except LeaseHeld:
        return Delivered(is_busy=True)
    try:
        done = _deliver(engine, lease, services(urls), time.monotonic() + seconds)
    finally:
        in_transaction(engine, lambda connection: leases.release(connection, lease))
    _complain(done, names(urls))
    return done


def deliver_at_the_end(engine: Engine) -> None:
    """The same for a process that is about to end: it waits for GIVEN_UP_SECONDS at most, even for a service that answers a byte
    now and then. What goes wrong is a warning in the log.
    """

    def work() -> None:
        try:
            deliver_open(engine)
        except (ConnectionLost, SQLAlchemyError) as error:
            log.warning("alerts not delivered", reason=str(error))

    if not load().alert_urls:
        return
    thread = threading.Thread(target=work, name="alerts", daemon=True)
    thread.start()
    thread.join(GIVEN_UP_SECONDS)
    if thread.is_alive():
        log.warning("alerts not delivered", reason="a service does not come to an end")


def _deliver(engine: Engine, lease: Lease, ways: list[Service], deadline: float) -> Delivered:
    sent, tried = 0, set[int]()
    failed: set[str] = set()

    def look(connection: Connection) -> list[DueAlert]:
        # Who finds the lease held leaves its alerts to this process: it looks once more before the next one may have the lease.
        if not leases.beat(connection, lease):
            return []
        found = alerts.due(connection, leave_out=tried)
        if not found:
            leases.release(connection, lease)
        return found

    while time.monotonic() < deadline and (found := in_transaction(engine, look)):
        for alert in found:
            if time.monotonic() >= deadline:
                break
            tried.add(alert.id)
            sent += _tell(engine, alert, ways, failed)
    return Delivered(sent, len(tried) - sent, tuple(sorted(failed)))


def _tell(engine: Engine, alert: DueAlert, ways: list[Service], failed: set[str]) -> bool:
    """Whether all have it. A service that failed once is left alone for the rest of this delivery, and is added to `failed`."""
    accepted = set(alert.accepted_by)
    for service in ways:
        if service.name in accepted or service.name in failed:
            continue
        if service.send(title(alert), text(alert), alert.severity):
            accepted.add(service.name)
        else:
            failed.add(service.name)
    by_all = accepted >= {service.name for service in ways}
    if accepted != set(alert.accepted_by) or by_all:
        in_transaction(engine, lambda connection: alerts.delivered(connection, alert, accepted, by_all=by_all))
    return by_all


def title(alert: DueAlert) -> str:
    return f"propspider: {alert.kind}" + (f" at {alert.portal}" if alert.portal else "")


def text(alert: DueAlert) -> str:
    """Plain text. What a portal wrote may stand in it, so that it mentions nobody and breaks no line."""
    again = f", raised {alert.times:,} times" if alert.times > 1 else ""
    since = f"{alert.first_at:%Y-%m-%d %H:%M} UTC"
    subject = f"{alert.kind} {alert.subject}".strip()
    return "\n".join(
        (
            _harmless(alert.message),
            f"{alert.severity}: {_harmless(subject)}, open since {since}{again}",
            f"propspider alerts ack {alert.id}",
        )
    )


def _harmless(line: str) -> str:
    return (clean_line(line) or "-")[:LONGEST_MESSAGE].replace("@", "@\u200b")


def _complain(done: Delivered, configured: list[str]) -> None:
    if fresh := sorted(set(done.failed) - _failing):
        log.warning("alerts not delivered", services=fresh, waiting=done.waiting)
        _failing.update(fresh)
    if done.sent and (back := sorted(_failing.intersection(configured).difference(done.failed))):
        log.info("alerts are delivered again", services=back)
        _failing.difference_update(back)
