"""What a person should know, and the way it is told."""

from typing import TYPE_CHECKING, Annotated

import typer

from propspider.commands.output import AsJson, OfPortal, ago, connected, console, fail, opened, print_json, say, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from propspider.sync.alerts import AlertRow

app = typer.Typer(no_args_is_help=True, help="What a person should know.")

Ids = Annotated[list[int], typer.Argument(metavar="ID...", help="As `alerts list` shows them.")]


@app.command("list")
def listing(
    every: Annotated[bool, typer.Option("--all", help="Those that are over as well.")] = False,
    portal: OfPortal = None,
    as_json: AsJson = False,
) -> None:
    """Open alerts, the latest first."""
    from propspider.portals import load
    from propspider.sync import alerts

    if portal is not None:
        load(portal)
    with connected() as connection:
        found = alerts.listed(connection, portal=portal, resolved=every)
    if as_json:
        print_json(found)
        return
    if not found:
        say("no alert" if every else "no open alert")
        return
    columns = ("id", "portal", "alert", "subject", "severity", "message", "times", "last", "told", "state")
    console().print(table(columns, [_row(alert) for alert in found], wide=("message",)))


@app.command()
def ack(ids: Ids, as_json: AsJson = False) -> None:
    """Somebody knows: an alert is not sent again unless it is over and raised anew."""
    from propspider.sync import alerts

    _mark(ids, alerts.acknowledge, "acknowledged", as_json)


@app.command()
def resolve(ids: Ids, as_json: AsJson = False) -> None:
    """It is over, of an alert that does not end by itself. What it was about, raised again, is a new one."""
    from propspider.sync import alerts

    _mark(ids, alerts.end, "resolved", as_json)


def _mark(ids: list[int], mark: "Callable[[Connection, list[int]], list[int]]", word: str, as_json: bool) -> None:
    from propspider.db.transactions import in_transaction
    from propspider.sync import alerts

    def work(connection: "Connection") -> "tuple[list[int], list[AlertRow], list[AlertRow]]":
        before = alerts.listed(connection, resolved=True, ids=ids)
        return mark(connection, ids), before, alerts.listed(connection, resolved=True, ids=ids)

    with opened() as engine:
        done, before, after = in_transaction(engine, work)
    if missing := sorted(set(ids) - {alert.id for alert in before}):
        fail(f"no alert {', '.join(map(str, missing))}" + (f"; {word}: {', '.join(map(str, done))}" if done else ""))
    if as_json:
        print_json({word: done, "alerts": after})
        return
    for alert in sorted(before, key=lambda one: one.id):
        state = word if alert.id in done else f"nothing changed: {_state(alert)} already"
        say(f"{alert.id} {alert.kind} {alert.subject or alert.portal}: {state}")


@app.command("test")
def send_test(as_json: AsJson = False) -> None:
    """Send a test message to each service of PROPSPIDER_ALERT_URLS."""
    from propspider import alerting
    from propspider.config import load

    urls = load().alert_urls
    if not urls:
        fail("nothing is configured: PROPSPIDER_ALERT_URLS says where alerts go")
    accepted: list[str] = []
    refused: list[str] = []
    for service in alerting.services(urls):
        sent = service.send("propspider: test", "This is a test. Alerts arrive here.", "info")
        why = "its address cannot be read" if service.way is None else "it did not accept the message"
        (accepted if sent else refused).append(service.name if sent else f"{service.name} ({why})")
    if refused:
        fail(f"not delivered: {', '.join(refused)}" + (f"; delivered: {', '.join(accepted)}" if accepted else ""))
    if as_json:
        print_json({"delivered": accepted})
        return
    say(f"delivered: {', '.join(accepted)}")


def _state(alert: "AlertRow") -> str:
    if alert.resolved_at is not None:
        return "resolved"
    return "acknowledged" if alert.acknowledged_at is not None else "open"


def _row(alert: "AlertRow") -> tuple[object, ...]:
    told = ago(alert.delivered_at) if alert.delivered_at is not None else None
    return (
        alert.id,
        alert.portal,
        alert.kind,
        alert.subject,
        alert.severity,
        alert.message,
        alert.times,
        ago(alert.last_at),
        told,
        _state(alert),
    )
