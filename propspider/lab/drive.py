"""Months of the real tiers in minutes: what is due runs, in this process, against a living portal whose clock requests move."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Engine

from propspider import clock
from propspider.lab.travel import SimulatedClock
from propspider.portals import Portal
from propspider.sync.breaker import PortalPaused
from propspider.sync.leases import LeaseHeld
from propspider.tiers.launch import Launcher
from propspider.tiers.result import TierResult
from propspider.tiers.run import TierBusy, give_up_stale, run_tier
from propspider.tiers.running import Stop
from propspider.tiers.schedule import get_next_scheduled_run, should_run_tier
from propspider.tiers.table import Key, Tier

AGAIN = timedelta(minutes=15)
"""Between two looks whether what is in a tier's way has gone."""

log = structlog.get_logger(__name__)


@dataclass
class Driver:
    """Plays the daemon's part under a simulated clock. `stop` is asked as a daemon's runs ask it."""

    engine: Engine
    portal: Portal
    tiers: Mapping[Key, Tier]
    launcher: Launcher
    time: SimulatedClock
    stop: Callable[[], Stop] = lambda: Stop.NO

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._workers = ThreadPoolExecutor(len(self.tiers), thread_name_prefix="propspider-tier")
        self._running: dict[Key, Future[None]] = {}
        self._ended = 0
        self._later: dict[Key, datetime] = {}
        self._broken: Future[None] | None = None
        self.results: list[TierResult] = []

    def run(self, key: Key, **changes: object) -> TierResult:
        """One tier, now. Raises as run_tier."""
        return self._kept(run_tier(self.engine, self.portal, replace(self.tiers[key], **changes), self.launcher, stop=self.stop))  # type: ignore[arg-type]

    def until(self, end: datetime) -> None:
        """The schedule, once, up to a moment; a run that is under way then comes to its end. Raises what broke a run."""
        while self._broken is None and self.stop() is Stop.NO and clock.now() < end:
            coming = min([end, *(moment for key in self.tiers if (moment := self._begin(key)) is not None)])
            self._await(coming)
        self._workers.shutdown()
        if self._broken is not None:
            self._broken.result()

    def _begin(self, key: Key) -> datetime | None:
        """Starts the tier when it is due; when to look again."""
        if key in self._running:
            return None
        tier, now = self.tiers[key], clock.now()
        if (later := self._later.get(key)) is not None and later > now:
            return later
        with self.engine.connect() as connection:
            if not should_run_tier(connection, self.portal, tier, now):
                return get_next_scheduled_run(connection, self.portal, tier, now)
        self._running[key] = self._workers.submit(self._carry_out, key)
        self._running[key].add_done_callback(partial(self._over, key))
        return None

    def _carry_out(self, key: Key) -> None:
        try:
            give_up_stale(self.engine, {self.portal.name: self.tiers})
            run = partial(run_tier, self.engine, self.portal, self.tiers[key], self.launcher)
            self._kept(run(scheduled=True, stop=self.stop))
        except (LeaseHeld, TierBusy, PortalPaused) as error:
            log.info("not run", tier=self.tiers[key].name, reason=str(error))
            self._later[key] = clock.now() + AGAIN

    def _over(self, key: Key, run: "Future[None]") -> None:
        with self._changed:
            del self._running[key]
            self._ended += 1
            if run.exception() is not None:
                self._broken = run
            self._changed.notify_all()

    def _kept(self, result: TierResult) -> TierResult:
        self.results.append(result)
        return result

    def _await(self, moment: datetime) -> None:
        """While something runs its requests move the clock; otherwise nothing happens until `moment`."""
        with self._changed:
            ended, is_idle = self._ended, not self._running
        if is_idle:
            self.time.advance_to(moment)
            return
        self.time.at(moment, self._notify)
        with self._changed:
            self._changed.wait_for(lambda: clock.now() >= moment or self._ended > ended)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()
