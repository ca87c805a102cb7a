"""Runs of tiers: one by hand, those that are due, and how the schedule stands."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from propspider.commands.output import AsJson, OfPortal, ago, connected, console, duration, facts, opened, print_json, say, table

if TYPE_CHECKING:
    from types import FrameType

    from propspider.config import Config
    from propspider.portals import Portal
    from propspider.tiers.plan import Plan
    from propspider.tiers.result import ScheduleStatus, TierResult, TierSchedule
    from propspider.tiers.running import Stop
    from propspider.tiers.table import Key, Tier

Which = Literal["1", "2", "3", "4", "full"]


def tier(
    which: Annotated[Which, typer.Argument(metavar="1|2|3|4|full", help="1 hot listings, 2 daily, 3 weekly, 4 monthly.")],
    portal: Annotated[str | None, typer.Option("--portal", help="Of this portal; of the default one when left out.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do; nothing is fetched or written.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a tier now, or go on with one that was cut off. Ctrl-C cancels it; SIGTERM leaves the rest to whoever runs it next."""
    from propspider.config import load
    from propspider.tiers.run import run_tier
    from propspider.tiers.scrapyd import launcher

    config = load()
    of_portal, tiers = _tiers(config, portal or config.default_portal)
    chosen = tiers[_key(which)]
    if dry_run:
        _show_plan(_plan(config, of_portal, chosen), as_json=as_json)
        return
    _log_to_file(config)
    with opened(config) as engine, asked_to_stop() as stop:
        result = run_tier(engine, of_portal, chosen, launcher(config.scrapyd_url, engine), stop=stop)
    if as_json:
        print_json(result)
    _show([result], quiet=as_json)


def auto(
    portal: OfPortal = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do; nothing is fetched or written.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the tiers that are due, once: those that were cut off first, then the one that is over soonest."""
    from propspider.config import load
    from propspider.tiers.auto import due_tiers, run_due
    from propspider.tiers.scrapyd import launcher

    config = load()
    chosen = [_tiers(config, name) for name in _names(portal)]
    if dry_run:
        with opened(config) as engine, engine.connect() as connection:
            due = [(of_portal, one) for of_portal, tiers in chosen for one in due_tiers(connection, of_portal, tiers)]
        _show_plans([_plan(config, of_portal, one) for of_portal, one in due], as_json=as_json)
        return
    _log_to_file(config)
    with opened(config) as engine, asked_to_stop() as stop:
        done, not_run = run_due(engine, chosen, launcher(config.scrapyd_url, engine), stop=stop)
    for line in not_run:
        say(line, stderr=True)
    if as_json:
        print_json({"runs": done})
    elif not done and not not_run:
        say("nothing is due")
    _show(done, quiet=as_json)


def schedule(portal: OfPortal = None, as_json: AsJson = False) -> None:
    """Last, next and current run of each portal's tiers."""
    from propspider import clock
    from propspider.config import load
    from propspider.tiers.schedule import get_schedule_status

    config = load()
    chosen = [_tiers(config, name) for name in _names(portal)]
    with connected() as connection:
        found = [get_schedule_status(connection, of_portal, tiers, clock.now()) for of_portal, tiers in chosen]
    if as_json:
        print_json({"portals": found})
        return
    for one in found:
        _show_schedule(one)


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], "Stop"]]:
    """Ctrl-C cancels, SIGTERM hands back; the first one counts."""
    from propspider.tiers.running import Stop

    asked = [Stop.NO]

    def note(number: int, _frame: "FrameType | None") -> None:
        if asked[0] is Stop.NO:
            asked[0] = Stop.CANCEL if number == signal.SIGINT else Stop.HAND_BACK

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked[0]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _names(portal: str | None) -> list[str]:
    from propspider import portals

    return [portal] if portal is not None else portals.names()


def _tiers(config: "Config", name: str) -> "tuple[Portal, dict[Key, Tier]]":
    from propspider import portals
    from propspider.tiers.table import of_portal

    found = portals.load(name, config.facts_of(name))
    return found, of_portal(found, config)


def _key(which: str) -> "Key":
    from propspider.tiers.table import Key

    return Key(which)


def _log_to_file(config: "Config") -> None:
    """As crawls do; what a person or a program reads of this command is its result."""
    from propspider import logs

    logs.configure(config, console=False)


def _plan(config: "Config", portal: "Portal", chosen: "Tier") -> "Plan":
    from propspider import clock
    from propspider.tiers.plan import plan_run

    with opened(config) as engine, engine.connect() as connection:
        found = plan_run(connection, portal, chosen, clock.now())
        connection.rollback()
    return found


def _show_plan(plan: "Plan", *, as_json: bool) -> None:
    if as_json:
        print_json(plan)
        return
    console().print(
        facts(
            [
                ("steps", ", ".join(plan.steps)),
                ("goes on with", plan.resumes),
                ("listing pages", ", ".join(f"{scope} {pages or 'all'}" for scope, pages in plan.pages.items())),
                ("cases to open", plan.cases),
                ("to verify", plan.to_verify),
                ("to queue", ", ".join(f"{rows:,} {reason}" for reason, rows in plan.queued.items())),
                ("detail pages", plan.details),
                ("seconds between pages", plan.delay_seconds),
                ("prevented", plan.prevented),
            ],
            title=f"tier {plan.tier}, {plan.name} of {plan.portal}: dry run",
        )
    )


def _show_plans(plans: "list[Plan]", *, as_json: bool) -> None:
    if as_json:
        print_json({"due": plans})
        return
    if not plans:
        say("nothing is due")
    for plan in plans:
        _show_plan(plan, as_json=False)


def _show(results: "list[TierResult]", *, quiet: bool) -> None:
    """Exit code 1 unless every one was a success, or handed back."""
    for result in results if not quiet else ():
        _show_result(result)
    if any(result.status in {"failed", "cancelled"} for result in results):
        raise typer.Exit(1)


def _show_result(result: "TierResult") -> None:
    ended = "handed back" if result.status == "running" else result.status
    pairs = [
        ("pages", result.pages_scanned),
        ("new", result.new_properties),
        ("price changes", result.price_changes),
        ("missing", result.removals_detected),
        ("removed", result.removals_confirmed),
        ("queued", result.properties_queued),
        ("details", f"{result.queue.processed:,}, {result.queue.failed:,} of them failed"),
        ("took", duration(result.duration_seconds)),
        *(("note", note) for note in result.notes),
        *(("why", error) for error in result.errors),
        ("more", f"propspider run show {str(result.run_id)[:8]}"),
    ]
    console().print(facts(pairs, title=f"{result.tier_name} of {result.portal}: {ended}"))


def _show_schedule(status: "ScheduleStatus") -> None:
    if status.paused is not None:
        say(status.paused)
    columns = ("tier", "name", "when", "last", "outcome", "next", "now", "why")
    console().print(
        table(columns, [_schedule_row(one) for one in status.tiers], title=f"{status.portal}, {status.time_zone}", wide=("why",))
    )


def _schedule_row(one: "TierSchedule") -> tuple[object, ...]:
    now = f"at {one.step}" if one.running else f"cut off at {one.step}" if one.interrupted else None
    coming = "due" if one.is_due else one.next_run
    return (one.tier, one.name, one.trigger, ago(one.last_started), one.last_status, coming, now, one.last_error)
