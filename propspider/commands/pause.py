"""Leave a portal alone, and take it up again."""

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from propspider.commands.output import AsJson, fail, opened, print_json, say

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from propspider.sync.breaker import Pause, Resumed

Portal = Annotated[str | None, typer.Option("--portal", help="This portal.")]
All = Annotated[bool, typer.Option("--all", help="Every portal.")]


def pause(
    portal: Portal = None,
    every: All = False,
    reason: Annotated[str, typer.Option("--reason", help="Shown to whoever meets the pause.")] = "paused by hand",
    as_json: AsJson = False,
) -> None:
    """Crawl a portal, or any, no more until it is resumed. A crawl that is running ends within half a minute."""
    from propspider.db.transactions import in_transaction
    from propspider.fields.text import clean_line
    from propspider.sync import breaker

    name = _chosen(portal, every)
    who, why = _person(), clean_line(reason) or "paused by hand"

    def work(connection: "Connection") -> "tuple[Pause, bool]":
        before = next((one for one in breaker.pauses(connection) if one.portal == name), None)
        if before is not None and before.until is None:
            return before, False
        return breaker.pause(connection, name, why, who), True

    with opened() as engine:
        found, is_new = in_transaction(engine, work)
    if as_json:
        print_json({"pause": found, "changed": is_new})
        return
    say(str(found) if is_new else f"nothing changed: {found}")


def resume(portal: Portal = None, every: All = False, as_json: AsJson = False) -> None:
    """Crawl a portal, or all, again. Alerts that it was blocked are resolved."""
    from propspider.db.transactions import in_transaction
    from propspider.sync import breaker

    name = _chosen(portal, every)

    def work(connection: "Connection") -> "tuple[Resumed, list[Pause]]":
        done = breaker.resume_all(connection) if every else breaker.resume(connection, name)
        return done, [one for one in breaker.pauses(connection) if every or one.portal in {name, breaker.EVERY_PORTAL}]

    with opened() as engine:
        done, left = in_transaction(engine, work)
    if as_json:
        print_json({"ended": done.ended, "alerts_resolved": done.alerts, "still_paused": left})
        return
    for line in _told(name, done, left):
        say(line)


def _told(name: str, done: "Resumed", left: "list[Pause]") -> list[str]:
    lines = [f"{one.whose} is resumed; it was paused since {one.since} ({one.reason})" for one in done.ended]
    lines = lines or [f"nothing changed: {'no portal' if name == '*' else name} was {'' if name == '*' else 'not '}paused"]
    if done.alerts:
        lines.append(f"{done.alerts:,} alert{'s' if done.alerts > 1 else ''} of a block resolved")
    return [*lines, *(f"still: {one}" for one in left)]


def _chosen(portal: str | None, every: bool) -> str:
    """The portal's name, or "*" for all."""
    from propspider.portals import load
    from propspider.sync.breaker import EVERY_PORTAL

    if (portal is None) != every:
        fail("name one portal with --portal NAME, or all of them with --all", code=2)
    return EVERY_PORTAL if portal is None else load(portal).name


def _person() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user may have no name
        return "somebody"
