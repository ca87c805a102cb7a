"""One simulated day of the real system in real processes, killed at random points; then the books."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from propspider import clock, portals
from propspider.config import environment_of_its_own
from propspider.db import embedded
from propspider.db.engine import create_engine
from propspider.lab import PORTAL, LaboratoryError, books, database
from propspider.lab.chaos_ground import TIERS, Ground
from propspider.lab.chaos_plan import POSTGRES, Kill, Plan, Victim
from propspider.lab.chaos_portal import ChaosPortal, fact, worlds
from propspider.lab.household import MARK, Household
from propspider.lab.listing import random_source
from propspider.lab.serving import serve
from propspider.lab.timekeeping import serve_clock
from propspider.lab.travel import SimulatedClock
from propspider.lab.world import EPOCH
from propspider.tiers.schedule import get_next_scheduled_run, should_run_tier
from propspider.tiers.table import Tier, of_portal

AT_NOON, IN_THE_EVENING, AT_NIGHT = timedelta(hours=8), timedelta(hours=16), timedelta(hours=24)
SECONDS_PER_REQUEST = (5.0, 15.0, 30.0)

BEFORE = {2: ("daily_sync", timedelta(hours=16)), 3: ("weekly_deep", timedelta(hours=48))}
"""When tiers ran last before the day: so tier 1 begins in the morning, tier 2 at noon, tier 1 in the evening, tier 3 at night."""
PATIENCE = {"run_lease": "3", "crawl_lease": "8", "again": "0.5", "order": "0.2", "look_round": "1"}

LOOK_SECONDS = 0.05
PHASE_SECONDS = 180.0
"""Real ones, in which whatever is due has to be over."""
LEAVE_SECONDS = 60.0
AUTO = "import sys; sys.argv = ['propspider', 'auto']; from propspider.cli import main; main()"
SCHEDULER = Path(__file__).resolve().parents[2] / "scheduler.py"

COUNTS = """
SELECT (SELECT coalesce(sum(claims), 0) FROM scrape_queue) AS claims,
       (SELECT count(*) FROM scrape_queue WHERE status = 'completed') AS stored,
       (SELECT count(*) FROM scraping_sessions) AS crawls,
       (SELECT coalesce(sum(fence), 0) FROM leases WHERE name LIKE 'tier:%') AS fences,
       (SELECT coalesce(sum(jsonb_array_length(metadata -> 'taken_up')), 0) FROM sync_runs) AS "take-overs",
       (SELECT md5(string_agg(metadata::text, '' ORDER BY id)) FROM sync_runs) AS noted,
       (SELECT count(*) FROM sync_runs WHERE status = 'running') AS open,
       EXISTS (SELECT 1 FROM leases WHERE name LIKE 'tier:%'
               AND beat_at + make_interval(secs => ttl_seconds) >= clock_timestamp()) AS held
"""
HOLDERS = """
SELECT name, split_part(split_part(holder, ',', 1), ':', 2)::int AS pid FROM leases
WHERE beat_at + make_interval(secs => ttl_seconds) >= clock_timestamp() AND (name LIKE 'tier:%' OR name = 'leader')
"""
OPEN_OF = """
SELECT r.id::text
FROM sync_runs r
JOIN leases l ON split_part(l.name, ':', 2) = r.portal AND (split_part(l.name, ':', 3) = '1') = (r.tier_level = 1)
WHERE r.status = 'running' AND l.name LIKE 'tier:%' AND split_part(split_part(l.holder, ',', 1), ':', 2)::int = ANY (:pids)
"""


class ChaosFailed(LaboratoryError):
    """The laboratory itself could not go on; one line."""


class Stopped(RuntimeError):
    """Somebody does not want to wait for the end."""


@dataclass
class Outcome:
    """`kills` were done, of those that were `missed` the moment or the victim never came. Balanced without `faults`."""

    seed: int
    scheduling: str
    embedded: bool
    kills: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    """How each ended."""
    faults: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)


def run_day(where: Ground, seed: int, stop: Callable[[], bool] = lambda: False) -> Outcome:
    """Raises Stopped, database.NotOurs, embedded.EmbeddedError, ChaosFailed."""
    if not SCHEDULER.is_file():
        raise ChaosFailed(f"chaos kills the daemon of a checkout, and there is no {SCHEDULER.name} beside this package")
    began = time.monotonic()
    with ExitStack() as stack:
        day = _Day(where, Plan.of(seed), stop, stack)
        try:
            day.pass_by()
        finally:
            day.household.end()
        day.outcome.figures["seconds"] = round(time.monotonic() - began, 1)
        return day.outcome


class _Day:
    def __init__(self, where: Ground, plan: Plan, stop: Callable[[], bool], stack: ExitStack) -> None:
        self._where, self._plan, self._stop = where, plan, stop
        self._source = random_source("chaos day", plan.seed)
        self.outcome = Outcome(plan.seed, plan.scheduling, plan.embedded)
        name = f"propspider_chaos_{plan.seed}"
        url = database.create(where.config, name, durable=True)
        stack.callback(self._drop, name)
        self._engine: Engine = create_engine(url)
        stack.callback(self._engine.dispose)
        self._start = EPOCH
        self._time = SimulatedClock(self._start, url)
        stack.callback(self._time.close)
        self._worlds = worlds(plan.seed)
        self._portal = ChaosPortal(self._worlds[0], self._time, self._source.choice(SECONDS_PER_REQUEST))
        base_url = stack.enter_context(serve(self._portal.app))
        socket = where.state_dir / f"clock-{plan.seed}"
        stack.enter_context(serve_clock(self._time, socket))
        self.household = Household(_environment(where, plan, base_url, socket, name, url), where.state_dir / "said.log")
        self._product = portals.load(PORTAL, where.config.facts_of(PORTAL))
        self._tiers = of_portal(self._product, where.config)
        self._daemons: list[subprocess.Popen[bytes]] = []
        self._auto: subprocess.Popen[bytes] | None = None
        self._to_come = list(plan.kills)
        self._noted, self._notes = None, 0
        self._cut_off: set[str] = set()

    def pass_by(self) -> None:
        self._remember_earlier_runs()
        try:
            self._until_idle()
            for at, world in ((AT_NOON, self._worlds[1]), (IN_THE_EVENING, self._worlds[2])):
                self._portal.becomes(world)
                self._time.advance_to(self._start + at)
                self._until_idle()
            self.outcome.missed = [str(kill) for kill in self._to_come]
            self._to_come.clear()
            self._portal.hold_at(None)
            self._time.advance_to(self._start + AT_NIGHT)
            self._until_idle()
            self._leave()
        except _Stuck as stuck:
            self.outcome.faults.append(str(stuck))
            self.household.end()
        self._close_the_books()

    def _remember_earlier_runs(self) -> None:
        insert = text(
            """INSERT INTO sync_runs (portal, tier_level, tier_name, status, started_at, completed_at)
               VALUES (:portal, :level, :name, 'completed', :at, :at)"""
        )
        with self._engine.begin() as connection:
            for level, (name, ago) in BEFORE.items():
                connection.execute(insert, {"portal": PORTAL, "level": level, "name": name, "at": self._start - ago})

    def _until_idle(self) -> None:
        deadline = time.monotonic() + PHASE_SECONDS
        was_idle = False
        while True:
            if self._stop():
                raise Stopped
            if time.monotonic() > deadline:
                raise _Stuck(f"the day did not go on: {self._what_is_open()}")
            try:
                counts, due = self._look()
                self._tend(bool(counts["open"] or due) and not counts["held"])
            except DBAPIError:
                clock.wait(LOOK_SECONDS)
                continue
            is_idle = not counts["open"] and not due
            if is_idle and was_idle:
                # Twice, for a run may begin between the two questions of one look.
                return
            was_idle = is_idle
            self._portal.hold_at(min((kill.at for kill in self._to_come if kill.counted == "requests"), default=None))
            for kill in [kill for kill in self._to_come if counts[kill.counted] >= kill.at]:
                if self._strike(kill):
                    self._to_come.remove(kill)
                    break
            else:
                self._portal.go_on()
            clock.wait(LOOK_SECONDS)

    def _look(self) -> tuple[dict[str, Any], bool]:
        with self._engine.connect() as connection:
            counts = dict(connection.execute(text(COUNTS)).mappings().one())
            due = not counts["open"] and any(self._is_due(connection, tier) for tier in self._tiers.values())
        self._notes += counts["noted"] != self._noted
        self._noted = counts["noted"]
        return {**counts, "notes": self._notes, "requests": self._portal.requests}, due

    def _is_due(self, connection: Connection, tier: Tier) -> bool:
        return should_run_tier(connection, self._product, tier, self._time.now())

    def _tend(self, is_wanted: bool) -> None:
        """Whoever died is started anew, as by a service manager; by a crontab where something is to do and nobody does it."""
        self._daemons = [daemon for daemon in self._daemons if daemon.poll() is None]
        wanted = {"daemon": 1, "daemons": 2, "cron": 0, "both": 1}[self._plan.scheduling]
        while len(self._daemons) < wanted:
            self._daemons.append(self.household.start(sys.executable, str(SCHEDULER)))
        is_cron = self._plan.scheduling == "cron" or (self._plan.scheduling == "both" and self._auto is None)
        if is_cron and (self._auto is None or self._auto.poll() is not None) and is_wanted:
            self._auto = self.household.start(sys.executable, "-c", AUTO)

    def _strike(self, kill: Kill) -> bool:
        """False while one of the victims is not there."""
        pids = {victim: self._pid_of(victim) for victim in kill.victims if victim not in POSTGRES}
        if None in pids.values():
            return False
        hit = [pid for pid in pids.values() if pid is not None]
        server = next((victim for victim in kill.victims if victim in POSTGRES), None)
        running = embedded.status(self._where.state_dir).pid if server else None
        if server and running is not None:
            os.kill(running, signal.SIGKILL if server is Victim.POSTGRES_KILLED else signal.SIGQUIT)
        for pid in hit:
            self.household.kill(pid)
        self._portal.go_on()
        if server:
            clock.wait(kill.outage_seconds)
            embedded.ensure(self._where.state_dir, pg_bin=self._where.config.pg_bin)
        self._note_cut_off(hit)
        self.outcome.kills.append(str(kill))
        return True

    def _pid_of(self, victim: Victim) -> int | None:
        if victim is Victim.SPIDER:
            spiders = sorted(process.pid for process in self.household.spiders())
            return self._source.choice(spiders) if spiders else None
        held = self._holders()
        leader = held.pop("leader", None)
        found = leader if victim is Victim.SCHEDULER and leader is not None else next(iter(sorted(held.values())), None)
        return found if found is not None and self.household.has(found) else None

    def _holders(self) -> dict[str, int]:
        with self._engine.connect() as connection:
            return {row.name: row.pid for row in connection.execute(text(HOLDERS))}

    def _note_cut_off(self, pids: list[int]) -> None:
        """Runs that are open now and whose runner is dead: nobody can have ended them."""
        while True:
            try:
                with self._engine.connect() as connection:
                    self._cut_off |= set(connection.execute(text(OPEN_OF), {"pids": pids}).scalars())
            except DBAPIError:
                clock.wait(LOOK_SECONDS)
            else:
                return

    def _leave(self) -> None:
        for daemon in self._daemons:
            daemon.terminate()
        deadline = time.monotonic() + LEAVE_SECONDS
        while left := self.household.members():
            if time.monotonic() > deadline:
                names = ", ".join(sorted(" ".join(process.cmdline()[1:6]) for process in left))
                raise _Stuck(f"processes do not end: {names}")
            clock.wait(LOOK_SECONDS)

    def _what_is_open(self) -> str:
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(text("SELECT tier_name, metadata ->> 'step' FROM sync_runs WHERE status = 'running'"))
                runs = ", ".join(f"{name} at {step}" for name, step in rows)
                due = [
                    f"{tier.name} at {get_next_scheduled_run(connection, self._product, tier, self._time.now())}"
                    for tier in self._tiers.values()
                    if self._is_due(connection, tier)
                ]
        except DBAPIError as error:
            return f"the database is away: {error}"
        return f"open: {runs or 'nothing'}; due: {', '.join(due) or 'nothing'}"

    def _close_the_books(self) -> None:
        facts = {listing.public_id: fact(listing) for listing in self._worlds[-1].listings}
        ever = {listing.public_id for world in self._worlds for listing in world.listings}
        with self._engine.connect() as connection:
            found = books.balance(
                connection,
                PORTAL,
                facts,
                removed=ever - facts.keys(),
                pages_served=self._portal.pages,
                cut_off=self._cut_off,
            )
            self.outcome.faults += [str(one) for one in found]
            self.outcome.runs = list(connection.execute(text(ENDINGS)).scalars())
            row = connection.execute(text(FIGURES)).mappings().one()
        self.outcome.figures |= {"requests": self._portal.requests, "cut off": len(self._cut_off), **row}

    def _drop(self, name: str) -> None:
        database.drop(embedded.ensure(self._where.state_dir, pg_bin=self._where.config.pg_bin), name)


ENDINGS = """
SELECT tier_name || ': ' || status || coalesce(', ' || error_summary, '')
       || CASE WHEN metadata ? 'taken_up' THEN ', taken up' ELSE '' END
FROM sync_runs WHERE metadata ? 'steps' ORDER BY started_at
"""
FIGURES = """
SELECT (SELECT count(*) FROM sync_runs WHERE metadata ? 'steps') AS runs,
       (SELECT count(*) FROM sync_runs WHERE status = 'failed') AS "failed runs",
       (SELECT coalesce(sum(jsonb_array_length(metadata -> 'taken_up')), 0)::int FROM sync_runs) AS "take-overs",
       (SELECT count(*) FROM scraping_sessions) AS crawls,
       (SELECT count(*) FROM scraping_sessions WHERE finish_reason = 'died') AS "died",
       (SELECT count(*) FROM properties_live) AS listings,
       (SELECT count(*) FROM property_changes WHERE change_type = 'updated') AS changes,
       (SELECT count(*) FROM properties_live WHERE status <> 'active') AS removed
"""


class _Stuck(RuntimeError):
    """The system did not come to its end by itself; the message says where it stands."""


def _environment(where: Ground, plan: Plan, base_url: str, socket: Path, name: str, url: str) -> dict[str, str]:
    named = f"PROPSPIDER_PORTALS__{PORTAL.upper()}__"
    given = {
        MARK: str(socket),
        "PROPSPIDER_STATE_DIR": str(where.state_dir),
        "PROPSPIDER_ALLOW_PRIVATE": "1",
        f"{named}BASE_URL": base_url,
        f"{named}DELAY_SECONDS": "0",
        "PROPSPIDER_LOG_LEVEL": "WARNING",
        "NO_PROXY": "*",
        **{f"PROPSPIDER_PATIENCE__{key.upper()}": value for key, value in PATIENCE.items()},
        **{f"TIER_{level}_{key.upper()}": value for level, facts in TIERS.items() for key, value in facts.items()},
        **({"PROPSPIDER_DATABASE": name} if plan.embedded else {"DATABASE_URL": url}),
    }
    if where.config.pg_bin is not None:
        given["PROPSPIDER_PG_BIN"] = str(where.config.pg_bin)
    return environment_of_its_own(**given)
