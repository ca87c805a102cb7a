"""The real spiders on a simulated portal, in a database of its own; each run is a day later."""

import shlex
import shutil
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from propspider.commands.output import AsJson, console, duration, fail, opened, print_json, say, table
from propspider.lab import PORTAL

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from propspider.commands.progress import Crawl
    from propspider.sync.overview import SessionReport, Walk

DATABASE = "propspider_demo"
PAGE_CAP = 10
_COLUMNS = ("spider", "pages", "listings", "new", "queued", "stored", "updated", "unchanged", "price changes", "quality")


@dataclass(frozen=True)
class Arrived:
    """`next_commands` are for a shell in this folder."""

    day: int
    sessions: list["SessionReport"]
    sweeps: list["Walk"]
    next_commands: list[str]


def demo(as_json: AsJson = False) -> None:
    """Crawl a simulated portal into a database of its own and show what arrived. Run it again: the portal is a day older."""
    from propspider.config import load

    given = load()
    if given.database_url is not None:
        say("DATABASE_URL is set; the demo leaves it alone and uses the embedded server", stderr=as_json)
    config = given.model_copy(update={"database_url": None, "database_direct_url": None, "database": DATABASE})
    with opened(config) as engine:
        day, sessions = _crawl_a_day(engine, quiet=as_json)
        arrived = _arrived(engine, day, sessions, has_own_database=given.database_url is not None)
    if as_json:
        print_json(arrived)
    else:
        _show(arrived)


def _crawl_a_day(engine: "Engine", *, quiet: bool) -> tuple[int, list[uuid.UUID]]:
    from propspider import portals
    from propspider.lab.server import create_app
    from propspider.lab.serving import serve
    from propspider.lab.world import World
    from propspider.sync import overview, queue

    with engine.connect() as connection:
        day = len(overview.session_ids(connection, PORTAL, "manifest"))
    world = World.create(day=day)
    with serve(create_app(world, page_cap=PAGE_CAP)) as base_url:
        title = portals.load(PORTAL).facts.title
        say(f"day {day} of a simulated {title}: {len(world.listings)} listings at {base_url}", stderr=quiet)
        manifest = _crawl(engine, base_url, "manifest")
        with engine.connect() as connection:
            waiting = queue.stats(connection, PORTAL).pending_count
        return day, [manifest, _crawl(engine, base_url, "detail", expected=waiting)]


def _crawl(engine: "Engine", base_url: str, spider: str, *, expected: int = 0) -> uuid.UUID:
    """The session; ends the demo when the spider failed."""
    from propspider.commands.progress import run
    from propspider.sync import overview

    finished = run(_task(base_url, spider, expected), engine)
    if finished.exit_code != 0 or finished.session_id is None:
        for line in finished.complaints:
            say(line, stderr=True)
        with engine.connect() as connection:
            for error in overview.error_lines(connection, finished.session_id):
                say(f"{error.times} x {error.error_type}: {error.message} ({error.url})", stderr=True)
        fail(f"the {spider} spider failed with exit code {finished.exit_code}")
    return finished.session_id


def _task(base_url: str, spider: str, expected: int) -> "Crawl":
    from propspider import portals
    from propspider.commands.progress import Crawl, child_environment

    portal = portals.load(PORTAL)
    override = f"PROPSPIDER_PORTALS__{PORTAL.upper()}__"
    environment = child_environment(
        **{
            "DATABASE_URL": None,
            "DATABASE_DIRECT_URL": None,
            "PROPSPIDER_DATABASE": DATABASE,
            "PROPSPIDER_ALLOW_PRIVATE": "1",
            "PROPSPIDER_ALERT_URLS": None,
            f"{override}BASE_URL": base_url,
            f"{override}DELAY_SECONDS": "0",
            f"{override}PAGE_CAP": str(PAGE_CAP),
        }
    )
    served = portal.facts.model_copy(update={"page_cap": PAGE_CAP})
    here = type(portal)(name=portal.name, facts=served, base_url=base_url)
    return Crawl(spider, here, {"portal": PORTAL}, environment, expected)


def _arrived(engine: "Engine", day: int, sessions: Sequence[uuid.UUID], *, has_own_database: bool) -> Arrived:
    from propspider.sync import overview

    with engine.connect() as connection:
        listing = overview.a_changed_listing(connection, sessions)
        return Arrived(
            day=day,
            sessions=overview.session_reports(connection, sessions),
            sweeps=[walk for walk in overview.latest_walks(connection, PORTAL) if walk.session_id in sessions],
            next_commands=_next_commands(listing, has_own_database=has_own_database),
        )


def _show(arrived: Arrived) -> None:
    console().print(table((*_COLUMNS, "errors", "took"), [_row(report) for report in arrived.sessions]))
    for line in swept(arrived.sweeps):
        say(line)
    say()
    say("what to type next:")
    for line in arrived.next_commands:
        say(f"  {line}")


def _row(report: "SessionReport") -> tuple[object, ...]:
    values = (getattr(report, name.replace(" ", "_")) for name in _COLUMNS)
    return (*values, report.errors, duration(report.seconds))


def swept(walks: Sequence["Walk"]) -> list[str]:
    """What each scope's walk proved, in words."""
    lines = []
    for walk in walks:
        parts = f", walked in {walk.parts} parts: the portal shows {PAGE_CAP} pages of one walk" if walk.parts else ""
        seen = walk.entries if walk.distinct_listings is None else walk.distinct_listings
        lines.append(f"{walk.scope}: {walk.verdict or walk.status}, {seen} of {walk.last_stated_total} listings{parts}")
    return lines


def _next_commands(listing: str | None, *, has_own_database: bool) -> list[str]:
    program = program_name()
    unset = "env -u DATABASE_URL -u DATABASE_DIRECT_URL " if has_own_database else ""
    prefix = f"{unset}PROPSPIDER_DATABASE={DATABASE} {program}"
    look = f"explain {listing}" if listing else "manifest stats"
    return [f"{prefix} {look}", f"{prefix} status", f"{program} demo"]


def program_name() -> str:
    """As it must be typed in this folder: the bare name where the shell finds the same program, else its path."""
    own = Path(sys.executable).parent / "propspider"
    on_path = shutil.which("propspider")
    if on_path is not None and Path(on_path).resolve() == own.resolve():
        return "propspider"
    here = Path.cwd()
    return shlex.quote(str(own.relative_to(here) if own.is_relative_to(here) else own))
