"""The tiers on a simulated portal, in a database of its own; the portal grows a day older while one watches."""

import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.text import Text

from propspider.commands.output import AsJson, cell, console, duration, fail, opened, print_json, say, table
from propspider.lab import PORTAL

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from propspider.portals import Portal
    from propspider.sync.overview import Walk
    from propspider.sync.run_reports import News
    from propspider.tiers.result import TierResult

DATABASE = "propspider_demo"
PAGE_CAP = 10
SHOWN = 3
"""Listings of each kind that are shown by name."""
_KINDS: tuple[Literal["new", "repriced", "removed"], ...] = ("new", "repriced", "removed")


@dataclass(frozen=True)
class Arrived:
    """`day` is the portal's at the beginning; `runs` are of tier 1 on that day and two of tier 3 on the next, whose `sweeps` and
    `news` these are. `next_commands` are for a shell in this folder.
    """

    day: int
    runs: list["TierResult"]
    sweeps: list["Walk"]
    news: list["News"]
    next_commands: list[str]


def demo(as_json: AsJson = False) -> None:
    """Run tiers on a simulated portal, in a database of its own, and show what was new, re-priced and removed, and why.
    Run it again: the portal is a day older.
    """
    from propspider import logs
    from propspider.config import load

    given = load()
    if given.database_url is not None:
        say("DATABASE_URL is set; the demo leaves it alone and uses the embedded server", stderr=as_json)
    logs.configure(given, console=False)
    config = given.model_copy(update={"database_url": None, "database_direct_url": None, "database": DATABASE})
    with opened(config) as engine:
        day, runs = _two_days(engine, quiet=as_json)
        arrived = _arrived(engine, day, runs, has_own_database=given.database_url is not None)
    if as_json:
        print_json(arrived)
    else:
        _show(arrived)


def _two_days(engine: "Engine", *, quiet: bool) -> tuple[int, list["TierResult"]]:
    from propspider import portals
    from propspider.db.transactions import in_transaction
    from propspider.lab.server import create_app, set_world
    from propspider.lab.serving import serve
    from propspider.lab.world import World
    from propspider.sync import breaker
    from propspider.sync.run_reports import reports
    from propspider.tiers.table import Key

    # A demo that went wrong is no reason to leave the next one alone.
    in_transaction(engine, breaker.resume_all)
    with engine.connect() as connection:
        day = len(reports(connection, portal=PORTAL, tier="hot_listings", limit=10_000))
    today, tomorrow = World.create(day=day), World.create(day=day + 1)
    app = create_app(today, page_cap=PAGE_CAP)
    with serve(app) as base_url:
        title = portals.load(PORTAL).facts.title
        say(f"day {day} of a simulated {title}: {len(today.listings)} listings at {base_url}", stderr=quiet)
        say("tier 1: the newest pages of each scope, and the details of what is new there", stderr=quiet)
        runs = [_run(engine, base_url, Key.ONE)]
        set_world(app, tomorrow)
        say(
            f"day {day + 1}: {len(tomorrow.listings)} listings; some are new, some have another price, some are gone",
            stderr=quiet,
        )
        for line in ("tier 3: every page, and what changed", "tier 3 again: what two complete sweeps missed is verified"):
            say(line, stderr=quiet)
            runs.append(_run(engine, base_url, Key.THREE))
    return day, runs


def _run(engine: "Engine", base_url: str, key: str) -> "TierResult":
    """Ends the demo when the run failed."""
    from propspider.sync import overview, tier_runs
    from propspider.tiers.launch import ProcessLauncher
    from propspider.tiers.run import run_tier
    from propspider.tiers.table import TABLE

    tier = next(one for one in TABLE if one.key == key)
    result = run_tier(engine, _portal(base_url), tier, ProcessLauncher(_environment(base_url)))
    if not result.success:
        with engine.connect() as connection:
            for crawl in tier_runs.crawls(connection, result.run_id):
                for error in overview.error_lines(connection, crawl.id):
                    say(f"{error.times} x {error.error_type}: {error.message} ({error.url})", stderr=True)
        fail(f"{tier.name} {result.status}: {'; '.join(result.errors)}")
    return result


def _portal(base_url: str) -> "Portal":
    from propspider import portals

    portal = portals.load(PORTAL)
    served = portal.facts.model_copy(update={"page_cap": PAGE_CAP, "delay_seconds": 0.0})
    return type(portal)(name=portal.name, facts=served, base_url=base_url)


def _environment(base_url: str) -> Mapping[str, str]:
    from propspider.commands.progress import child_environment

    override = f"PROPSPIDER_PORTALS__{PORTAL.upper()}__"
    return child_environment(
        **{
            "DATABASE_URL": None,
            "DATABASE_DIRECT_URL": None,
            "PROPSPIDER_DATABASE": DATABASE,
            "PROPSPIDER_ALERT_URLS": None,  # what goes wrong here is nobody's trouble
            "PROPSPIDER_ALLOW_PRIVATE": "1",
            f"{override}BASE_URL": base_url,
            f"{override}DELAY_SECONDS": "0",
            f"{override}PAGE_CAP": str(PAGE_CAP),
        }
    )


def _arrived(engine: "Engine", day: int, runs: Sequence["TierResult"], *, has_own_database: bool) -> Arrived:
    from propspider.sync import overview, run_reports

    with engine.connect() as connection:
        return Arrived(
            day=day,
            runs=list(runs),
            sweeps=overview.latest_walks(connection, PORTAL),
            news=(found := run_reports.news(connection, [run.run_id for run in runs[1:]])),
            next_commands=_next_commands(found, has_own_database=has_own_database),
        )


def _show(arrived: Arrived) -> None:
    columns = ("tier", "pages", "listings", "new", "prices", "missing", "removed", "details", "took")
    rows = [
        (
            run.tier_name,
            run.pages_scanned,
            run.properties_in_manifest,
            run.new_properties,
            run.price_changes,
            run.removals_detected,
            run.removals_confirmed,
            run.properties_scraped,
            duration(run.duration_seconds),
        )
        for run in arrived.runs
    ]
    console().print(table(columns, rows))
    for line in swept(arrived.sweeps):
        say(line)
    say()
    _show_news(arrived)
    say()
    say("what to type next:")
    for line in arrived.next_commands:
        say(f"  {line}")


def _show_news(arrived: Arrived) -> None:
    counts = Counter(one.kind for one in arrived.news)
    say(f"from day {arrived.day} to day {arrived.day + 1}: " + ", ".join(f"{counts[kind]} {kind}" for kind in _KINDS))
    for kind in _KINDS:
        for one in [one for one in arrived.news if one.kind == kind][:SHOWN]:
            console().print(Text(f"{kind:>10}  {one.property_id}  "), cell(_said(one)), sep="", soft_wrap=True)


def _said(one: "News") -> str:
    if one.kind == "new":
        return one.title
    if one.kind == "repriced":
        old, new = (
            f"{value:,.0f}" if isinstance(value, int | float) else "on request" for value in (one.old_value, one.new_value)
        )
        return f"{old} to {new} {one.currency or ''}: {one.title}"
    return f"{one.title}: {', '.join(one.evidence or [])}"


def _amount(value: object) -> str:
    return f"{value:,.0f}" if isinstance(value, int | float) else "on request"


def swept(walks: Sequence["Walk"]) -> list[str]:
    """What each scope's walk proved, in words."""
    lines = []
    for walk in walks:
        parts = f", walked in {walk.parts} parts: the portal shows {PAGE_CAP} pages of one walk" if walk.parts else ""
        seen = walk.entries if walk.distinct_listings is None else walk.distinct_listings
        lines.append(f"{walk.scope}: {walk.verdict or walk.status}, {seen} of {walk.last_stated_total} listings{parts}")
    return lines


def _next_commands(news: Sequence["News"], *, has_own_database: bool) -> list[str]:
    program = program_name()
    unset = "env -u DATABASE_URL -u DATABASE_DIRECT_URL " if has_own_database else ""
    prefix = f"{unset}PROPSPIDER_DATABASE={DATABASE} {program}"
    by_kind = {one.kind: one.property_id for one in reversed(news)}
    explained = [f"{prefix} explain {by_kind[kind]}" for kind in ("removed", "repriced") if kind in by_kind]
    return [*explained, f"{prefix} status", f"{program} demo"]


def program_name() -> str:
    """As it must be typed in this folder: the bare name where the shell finds the same program, else its path."""
    own = Path(sys.executable).parent / "propspider"
    on_path = shutil.which("propspider")
    if on_path is not None and Path(on_path).resolve() == own.resolve():
        return "propspider"
    here = Path.cwd()
    return shlex.quote(str(own.relative_to(here) if own.is_relative_to(here) else own))
