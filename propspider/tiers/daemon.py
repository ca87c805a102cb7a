"""What the daemon does as leader: every tier at its time, cut off runs first. Postgres is its memory."""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.base import BaseTrigger
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from propspider import alerting, clock, portals
from propspider.config import Config, Patience
from propspider.db.transactions import ConnectionLost, in_transaction
from propspider.portals import Portal
from propspider.sync import conditions, leases, tier_runs
from propspider.sync.breaker import PortalPaused
from propspider.sync.leases import Lease, LeaseHeld, Superseded
from propspider.tiers.launch import Launcher
from propspider.tiers.run import TierBusy, give_up_stale, run_tier
from propspider.tiers.running import Stop
from propspider.tiers.schedule import get_next_scheduled_run, get_schedule_status, should_run_tier, zone_of
from propspider.tiers.table import Key, Tier, next_fire, of_portal

LEADER = "leader"
BEATS = 3
"""In the time after which the stand-by leads."""
LOOK_SECONDS = 0.5

OVERDUE = timedelta(hours=1)
"""A tier that has been due for longer, and does not run, is told of."""

Configured = Mapping[str, tuple[Portal, Mapping[Key, Tier]]]

log = structlog.get_logger(__name__)


class Calendar(BaseTrigger):  # type: ignore[misc]
    """As `next_fire` reckons, for APScheduler's own trigger gets the nights wrong on which clocks are changed."""

    def __init__(self, portal: Portal, tier: Tier) -> None:
        self._portal, self._tier = portal, tier

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        if self._tier.every is not None:
            return now + self._tier.every
        coming = None if self._tier.cron is None else next_fire(self._tier.cron, clock.now(), zone_of(self._portal))
        return None if coming is None else clock.in_real_time(coming)


@dataclass
class Duty:
    """`stop`: what is asked of the runs that the daemon carries out."""

    engine: Engine
    configured: Configured
    launcher: Launcher
    scheduler: BaseScheduler
    stop: Callable[[], Stop]
    patience: Patience = field(default_factory=Patience)
    _firing: set[str] = field(default_factory=set)

    def declare(self) -> None:
        """A job for each portal and tier, next when Postgres says; one more for each run that was cut off."""
        tiers = {name: tiers for name, (_, tiers) in self.configured.items()}
        for run in give_up_stale(self.engine, tiers, gone=True):
            log.warning("run given up", run=str(run.id), tier=run.tier_name, portal=run.portal)
        look_round = self.patience.look_round
        self.scheduler.add_job(self.look, "interval", seconds=look_round, id="look", coalesce=True, max_instances=1)
        now = clock.now()
        with self.engine.connect() as connection:
            cut_off = {(run.portal, run.tier_name) for run in tier_runs.unfinished(connection)}
            for portal, of_it in self.configured.values():
                for tier in of_it.values():
                    coming = get_next_scheduled_run(connection, portal, tier, now)
                    if (portal.name, tier.name) in cut_off:
                        coming = now
                    elif coming is not None and coming <= now:
                        # Of several that are due the one that is over soonest begins.
                        coming = now + self._in_turn(of_it, tier)
                    if coming is not None:
                        self._add(portal, tier, coming)
                        log.info("scheduled", portal=portal.name, tier=tier.name, next=coming.isoformat())

    def _add(self, portal: Portal, tier: Tier, coming: datetime) -> None:
        self.scheduler.add_job(
            partial(self.fire, portal, tier),
            Calendar(portal, tier),
            id=_job(portal, tier),
            next_run_time=clock.in_real_time(coming),
            misfire_grace_time=None,
            coalesce=True,
            max_instances=1,
        )

    def look(self) -> None:
        """Tells of tiers that are overdue, whatever keeps them, and of queues that grow, and sends what there is to tell. Wakes
        what should have begun: a tier whose timer slept with the machine, a run that somebody began and does not carry out.
        """
        try:
            in_transaction(self.engine, self._look_at_portals)
            alerting.deliver_open(self.engine)
        except (ConnectionLost, SQLAlchemyError) as error:
            log.error("the database is away", reason=str(error))

    def _look_at_portals(self, connection: Connection) -> None:
        now = clock.now()
        for portal, tiers in self.configured.values():
            conditions.look_at_queue(connection, portal.name, ceiling=portal.facts.queue_ceiling)
            for tier in get_schedule_status(connection, portal, tiers, now).tiers:
                if tier.running is None and (tier.is_due or tier.interrupted is not None):
                    self._wake(portal, tiers[Key(tier.tier)], now + self._in_turn(tiers, tiers[Key(tier.tier)]))
                late = now - tier.next_run if tier.is_due and tier.next_run is not None else timedelta(0)
                if tier.running is None and late > OVERDUE:
                    conditions.raise_overdue(connection, portal.name, tier.name, late)
                elif late <= OVERDUE:
                    conditions.tier_ran(connection, portal.name, tier.name)

    def _in_turn(self, tiers: Mapping[Key, Tier], tier: Tier) -> timedelta:
        return timedelta(seconds=self.patience.order) * (1 + list(tiers).index(tier.key))

    def _wake(self, portal: Portal, tier: Tier, coming: datetime) -> None:
        """By then at the latest."""
        name = _job(portal, tier)
        job = self.scheduler.get_job(name)
        if job is None:
            self._add(portal, tier, coming)
        elif name not in self._firing and job.next_run_time > clock.in_real_time(coming):
            self.scheduler.modify_job(name, next_run_time=clock.in_real_time(coming))

    def fire(self, portal: Portal, tier: Tier) -> None:
        """Runs the tier if it is due or was cut off, as soon as nothing is in its way; then again when Postgres says."""
        self._firing.add(_job(portal, tier))
        try:
            self._fire(portal, tier)
        finally:
            self._firing.discard(_job(portal, tier))

    def _fire(self, portal: Portal, tier: Tier) -> None:
        told: set[str] = set()
        while self.stop() is Stop.NO and (reason := self._try(portal, tier)) is not None:
            if reason not in told:
                told.add(reason)
                log.info("waiting", portal=portal.name, tier=tier.name, reason=reason)
            self._pause(self.patience.again)
        if self.stop() is Stop.NO:
            self._again(portal, tier)

    def _try(self, portal: Portal, tier: Tier) -> str | None:
        """Why it could not begin yet; None when it ran, or need not run."""
        tiers = self.configured[portal.name][1]
        try:
            give_up_stale(self.engine, {portal.name: tiers})
            with self.engine.connect() as connection:
                in_the_way = first_open(connection, portal, tiers, beside=tier)
                is_wanted = should_run_tier(connection, portal, tier, clock.now())
            if not is_wanted and in_the_way is not tier:
                return None
            # Taken up where it was cut off; carried out by somebody, it holds its lease.
            run_tier(self.engine, portal, in_the_way or tier, self.launcher, scheduled=True, stop=self.stop)
            if in_the_way is not None and in_the_way is not tier:
                return f"{in_the_way.name} came first"
        except (LeaseHeld, TierBusy) as error:
            return str(error).partition(", last heard")[0]
        except (PortalPaused, Superseded) as error:
            return str(error)
        except (ConnectionLost, SQLAlchemyError) as error:
            log.error("the database is away", reason=str(error))
            return "the database is away"
        return None

    def _again(self, portal: Portal, tier: Tier) -> None:
        try:
            with self.engine.connect() as connection:
                coming = get_next_scheduled_run(connection, portal, tier, clock.now())
        except SQLAlchemyError:
            return
        if coming is not None:
            # Not before this job is over, else it would be skipped as running already.
            coming = max(coming, clock.now() + timedelta(seconds=self.patience.order))
            self.scheduler.modify_job(_job(portal, tier), next_run_time=clock.in_real_time(coming))

    def _pause(self, seconds: float) -> None:
        for _ in range(max(1, round(seconds / LOOK_SECONDS))):
            if self.stop() is Stop.NO:
                clock.wait(LOOK_SECONDS)


def _job(portal: Portal, tier: Tier) -> str:
    return f"{portal.name} {tier.key}"


def first_open(connection: Connection, portal: Portal, tiers: Mapping[Key, Tier], *, beside: Tier) -> Tier | None:
    """The tier of the oldest open run that `beside` does not run beside: its lease tells whether somebody carries it out."""
    name = leases.of_tier(portal.name, beside.level)
    runs = tier_runs.unfinished(connection, portal.name)
    left = [run.tier_name for run in runs if leases.of_tier(portal.name, run.tier_level) == name]
    return next((tier for tier in tiers.values() if left and tier.name == left[0]), None)


def configured(config: Config) -> Configured:
    """Every portal with its tiers. Raises PortalFileError."""
    loaded = [portals.load(name, config.facts_of(name)) for name in portals.names()]
    return {portal.name: (portal, of_portal(portal, config)) for portal in loaded}


def await_leadership(engine: Engine, stop: Callable[[], Stop], *, ttl_seconds: int) -> Lease | None:
    """As stand-by, until the leader goes or is silent; None when asked to stop before."""
    holder = f"{socket.gethostname()}:{os.getpid()}, scheduler"
    told = False
    while stop() is Stop.NO:
        try:
            return in_transaction(engine, lambda c: leases.acquire(c, LEADER, holder, ttl_seconds=ttl_seconds))
        except LeaseHeld as held:
            if not told:
                log.info("standing by", leader=str(held))
                told = True
        except ConnectionLost as error:
            log.error("the database is away", reason=str(error))
        clock.wait(LOOK_SECONDS)
    return None


def beat(engine: Engine, lease: Lease) -> bool:
    """False when another leads by now, or may think so."""
    try:
        return in_transaction(engine, lambda connection: leases.beat(connection, lease))
    except (ConnectionLost, SQLAlchemyError) as error:
        log.error("the database is away", reason=str(error))
        return False


def resign(engine: Engine, lease: Lease) -> None:
    """The stand-by leads at once; without a word to the database it leads when the lease has run out."""
    try:
        in_transaction(engine, lambda connection: leases.release(connection, lease))
    except (ConnectionLost, SQLAlchemyError) as error:
        log.error("the database is away", reason=str(error))


def workers(duties: Configured) -> dict[str, Any]:
    """APScheduler's: a job that waits for another must not keep a third from beginning."""
    return {"apscheduler.executors.default": {"type": "threadpool", "max_workers": 5 * len(duties) + 1}}
