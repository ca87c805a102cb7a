"""A run under its lease: its crawls are started, watched and judged, while the lease is kept alive."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Literal, TypeVar

import structlog
from sqlalchemy import Connection, Engine

from propspider import clock
from propspider.db.transactions import in_transaction
from propspider.portals import Portal
from propspider.sync import breaker, leases, tier_runs
from propspider.sync.leases import Lease, Superseded
from propspider.sync.tier_runs import Crawl
from propspider.tiers.launch import Job, Launcher
from propspider.tiers.table import Tier

T = TypeVar("T")

BEATS = 6
"""In the time after which a silent run is another's to take up."""
LOOK_SECONDS = 0.2
GRACE_SECONDS = 30.0
"""That a crawl gets to store what it has, before it is killed."""
SWEEP_WAIT_SECONDS = 180.0
"""For walks of other processes to end, or to be found dead: longer than their lease."""
DIED = "died"
TRIES = 2
"""Of a crawl whose process died."""

log = structlog.get_logger(__name__)


class Stop(StrEnum):
    """What was asked of a run from outside."""

    NO = "no"
    HAND_BACK = "hand back"
    """Somebody goes on later: the row stays open."""
    CANCEL = "cancel"


class HandedBack(RuntimeError):
    """The run is another's to take up, from the step that was running."""


class Cancelled(RuntimeError):
    """The run ends here; the message says who wants it."""


class OutOfTime(RuntimeError):
    """The time budget is used up."""


class StepFailed(RuntimeError):
    """Why a step did not come to its end, in one line."""


@dataclass
class Running:
    """`done` steps are not done again; `failures` and `notes` outlive the process in the run's row."""

    engine: Engine
    portal: Portal
    tier: Tier
    launcher: Launcher
    lease: Lease
    run_id: uuid.UUID
    started_at: datetime
    stop: Callable[[], Stop]
    metadata: dict[str, Any]
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _beaten: float = field(default_factory=time.monotonic)

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Under the lease. Raises Superseded, and what in_transaction raises."""

        def held(connection: Connection) -> T:
            leases.check(connection, self.lease)
            return work(connection)

        return in_transaction(self.engine, held)

    def note(self, **facts: Any) -> None:
        """In the run's row. Raises Superseded."""
        self.metadata |= facts
        in_transaction(self.engine, lambda connection: tier_runs.note(connection, self.run_id, self.lease, facts))

    def remark(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
            self.note(notes=self.notes)

    def fail(self, text: str) -> None:
        if text not in self.failures:
            self.failures.append(text)
            self.note(failures=self.failures)

    def crawls(self) -> list[Crawl]:
        return in_transaction(self.engine, lambda connection: tier_runs.crawls(connection, self.run_id))

    def beat(self) -> None:
        """Raises Superseded."""
        if time.monotonic() - self._beaten < self.lease.ttl_seconds / BEATS:
            return
        if not in_transaction(self.engine, lambda connection: leases.beat(connection, self.lease)):
            raise Superseded(f"{self.lease.name} was taken over")
        self._beaten = time.monotonic()

    def check_stop(self) -> None:
        """Raises HandedBack, Cancelled, OutOfTime."""
        match self.stop():
            case Stop.HAND_BACK:
                raise HandedBack("handed back")
            case Stop.CANCEL:
                raise Cancelled("cancelled by hand")
        if self.seconds_left() <= 0:
            raise OutOfTime(f"the time budget of {budget_text(self.tier.budget)} is used up")

    def seconds_left(self) -> float:
        if self.tier.budget is None:
            return float("inf")
        return (self.tier.budget - (clock.now() - self.started_at)).total_seconds()

    def await_free(self, names: list[str], seconds: float | None) -> None:
        """Until nobody holds these leases; None: for as long as it takes. Raises StepFailed, and as check_stop."""
        deadline = None if seconds is None else time.monotonic() + seconds
        told = False
        while held := in_transaction(self.engine, lambda connection: leases.held(connection, names)):
            if deadline is not None and time.monotonic() > deadline:
                raise StepFailed(str(held[0]))
            if not told:
                log.info("waiting", reason=str(held[0]))
                told = True
            self.check_stop()
            self.beat()
            clock.wait(LOOK_SECONDS)

    def crawl(self, spider: Literal["manifest", "detail", "verify"], **arguments: object) -> Crawl:
        """A crawl that came to its end. Once more when its process died. Raises StepFailed, HandedBack, Cancelled, OutOfTime,
        Superseded.
        """
        given = {name: str(value) for name, value in arguments.items() if value is not None}
        job = Job(spider, self.portal.name, self.run_id, self.lease.fence, given)
        tries = TRIES
        while True:
            self.check_stop()
            found, words = self._crawl(job)
            tries -= 1
            if found is None and (words or not tries):
                raise self._not_started(words)
            if found is not None and (found.finish_reason != DIED or not tries):
                return self._judged(found)
            log.warning("the crawl's process died; once more", spider=spider, run=str(self.run_id))

    def _crawl(self, job: Job) -> tuple[Crawl | None, str]:
        before = {crawl.id for crawl in self.crawls()}
        self.note(spider=job.spider, before=sorted(map(str, before)))
        started = self.launcher.start(job)
        ended: RuntimeError | None = None
        try:
            ended = self._watch(started)
        finally:
            self.launcher.kill(started)
            words = self.launcher.last_words(started)
        for crawl in self.crawls():
            if crawl.id not in before and crawl.status == "running":
                self.transact(partial(tier_runs.bury_crawl, session_id=crawl.id))
        if ended is not None:
            raise ended
        return next((crawl for crawl in self.crawls() if crawl.id not in before), None), words

    def _watch(self, started: object) -> RuntimeError | None:
        """Until the crawl is over; why it was asked to end, if it was. Raises Superseded."""
        ended: RuntimeError | None = None
        deadline = 0.0
        while self.launcher.is_running(started):
            self.launcher.wait(started, LOOK_SECONDS)
            self.beat()
            if ended is not None:
                if time.monotonic() > deadline:
                    self.launcher.kill(started)
                continue
            try:
                self.check_stop()
            except (HandedBack, Cancelled, OutOfTime) as reason:
                ended, deadline = reason, time.monotonic() + GRACE_SECONDS
                self.launcher.cancel(started)
        return ended

    def _judged(self, crawl: Crawl) -> Crawl:
        if crawl.status == "completed":
            return crawl
        if crawl.finish_reason == "paused":
            self._check_pause()
        raise StepFailed(crawl.finish_reason or crawl.status)

    def _not_started(self, words: str) -> StepFailed:
        """No session: its last line says why, unless the database knows better. Raises Cancelled."""
        self._check_pause()
        return StepFailed(words.removeprefix("crawl failed: ") or "the crawl ended before it began")

    def _check_pause(self) -> None:
        pause = self.transact(lambda connection: breaker.paused(connection, self.portal.name))
        if pause is not None:
            raise Cancelled(str(pause))


def budget_text(budget: timedelta | None) -> str:
    return "no end" if budget is None else f"{budget.total_seconds() / 3600:g} h"
