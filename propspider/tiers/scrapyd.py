"""Crawls on scrapyd nodes. A node says whether a job waits or runs; how it went, its session row tells.

The processes are out of reach: where a node is away, or has forgotten a job in a restart, the heartbeat of the job's session
stands for it, which a crawl that outlived its node keeps up.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TypeVar

import structlog
from pydantic import SecretStr
from sqlalchemy import Engine

from propspider import clock
from propspider.db.transactions import in_transaction
from propspider.sync import heartbeats
from propspider.sync.leases import TTL_SECONDS
from propspider.tiers.launch import Job, Launcher, ProcessLauncher
from propspider.tiers.scrapyd_node import Node, NodeSilent, NodeTrouble, nodes

T = TypeVar("T")

LOOK_SECONDS = 1.0
END_SECONDS = 10.0
"""That a killed process gets to be gone."""

log = structlog.get_logger(__name__)


@dataclass
class Started:
    """`node` None: no node took it. `known`: the sessions that its run had before. `troubles`: with whoever had to do with it.
    `is_over`: nothing is left to be ended.
    """

    job: Job
    job_id: str
    known: frozenset[uuid.UUID]
    node: Node | None = None
    troubles: list[str] = field(default_factory=list)
    is_running: bool = True
    is_over: bool = False
    looked_at: float = field(default_factory=time.monotonic)
    silent_since: float | None = None


class ScrapydLauncher:
    """A `Launcher`. The nodes take turns; one that cannot be reached or refuses is passed over with a warning. Arguments of a job
    show in scrapyd's pages and process lists: none is a secret. Methods raise ConnectionLost when the database stays away, and
    nothing else.
    """

    def __init__(self, fleet: Sequence[Node], engine: Engine, *, silence_seconds: float = TTL_SECONDS) -> None:
        """After `silence_seconds` without an answer and without a heartbeat a crawl counts as dead: several heartbeats."""
        self._nodes = tuple(fleet)
        self._engine = engine
        self._silence_seconds = silence_seconds
        self._turn = count()

    def start(self, job: Job) -> Started:
        """What no node took is over at once, and its last words say why.

        A node that was asked and did not answer may have taken the job: it is not given to another one, where it would run twice.
        """
        known = in_transaction(self._engine, lambda connection: heartbeats.sessions(connection, job.run_id))
        started = Started(job, f"{job.run_id.hex}-{uuid.uuid4().hex}", known)
        for node in self._in_turn():
            try:
                node.schedule(job.spider, started.job_id, job.all_arguments)
            except NodeTrouble as trouble:
                log.warning("scrapyd node did not take a job", reason=str(trouble), spider=job.spider)
                started.troubles.append(str(trouble))
                if not isinstance(trouble, NodeSilent):
                    continue
            else:
                started.troubles.clear()
            started.node = node
            return started
        started.is_running, started.is_over = False, True
        return started

    def _in_turn(self) -> Iterator[Node]:
        first = next(self._turn) % len(self._nodes)
        yield from self._nodes[first:]
        yield from self._nodes[:first]

    def is_running(self, started: Started) -> bool:
        """Waiting is running. False says that it is over, not that it went well. Asks the node once a second at most."""
        if started.is_running and started.node is not None and time.monotonic() - started.looked_at >= LOOK_SECONDS:
            started.looked_at = time.monotonic()
            started.is_running = self._look(started, started.node)
        return started.is_running

    def wait(self, started: Started, seconds: float) -> None:
        clock.wait(seconds)

    def _look(self, started: Started, node: Node) -> bool:
        try:
            state = node.state(started.job_id)
        except NodeTrouble as trouble:
            if started.silent_since is None:
                log.warning("scrapyd node cannot be asked; the heartbeat tells", reason=str(trouble), job=started.job_id)
                started.troubles.append(str(trouble))
            return self._shows_life(started)
        if state is None:
            return self._shows_life(started)
        started.silent_since = None
        started.is_over = state == "finished"
        return not started.is_over

    def _shows_life(self, started: Started) -> bool:
        if started.silent_since is None:
            started.silent_since = time.monotonic()
        job = started.job
        look = partial(heartbeats.latest, run_id=job.run_id, spider=job.spider, but=started.known)
        beat = in_transaction(self._engine, look)
        if beat is None:
            return time.monotonic() - started.silent_since < self._silence_seconds
        return beat.status == "running" and beat.silent_seconds < self._silence_seconds

    def cancel(self, started: Started) -> None:
        """One that waits never starts; one that runs gets the signal of a Ctrl-C. A node that cannot be asked is a warning: its
        crawl ends by the fence of its run.
        """
        if started.node is not None and not started.is_over:
            was = _asked(partial(started.node.cancel, started.job_id), started.job_id)
            if was == "pending":
                started.is_running, started.is_over = False, True

    def kill(self, started: Started) -> None:
        if started.node is not None and not started.is_over:
            _kill(started.node, [started.job_id])
        started.is_running, started.is_over = False, True

    def last_words(self, started: Started) -> str:
        """Its last error in the log that the node serves, or what the nodes said; '' when nothing went wrong in either."""
        if started.node is None:
            return "; ".join(started.troubles)
        try:
            tail = started.node.log_tail(started.job.spider, started.job_id)
        except NodeTrouble as trouble:
            return str(trouble)
        if not tail and not started.troubles:
            # What a crawl says before it logs goes to its standard error, which scrapyd writes to its own log.
            return f"{started.node}: the crawl ended before it could log; scrapyd's own log there says why"
        return _last_error(tail) or "; ".join(started.troubles)

    def kill_orphans(self, run_id: uuid.UUID) -> int:
        """By their ids, which begin with the run's: scrapyd does not tell the arguments of what runs. A node that cannot be asked
        is a warning: there the fence of the run holds.
        """
        killed = 0
        for node in self._nodes:
            jobs = [job for job in _asked(node.open_jobs, run_id.hex) or () if job.startswith(f"{run_id.hex}-")]
            _kill(node, jobs)
            killed += len(jobs)
        return killed


def launcher(scrapyd_url: SecretStr | None, engine: Engine) -> Launcher:
    """Where crawls run: on the nodes of SCRAPYD_URL, without one on this machine."""
    return ProcessLauncher() if scrapyd_url is None else ScrapydLauncher(nodes(scrapyd_url), engine)


def _kill(node: Node, jobs: Sequence[str]) -> None:
    """Returns when they are gone, or after END_SECONDS."""
    for job in jobs:
        if _asked(partial(node.cancel, job, signal="KILL"), job) is None:
            return
    deadline = time.monotonic() + END_SECONDS
    while jobs and time.monotonic() < deadline:
        if not set(_asked(node.open_jobs, jobs[0]) or ()).intersection(jobs):
            return
        clock.wait(0.1)


def _asked(question: Callable[[], T], job: str) -> T | None:
    """None when the node cannot be asked or refuses, which is a warning."""
    try:
        return question()
    except NodeTrouble as trouble:
        log.warning("scrapyd node did not end a job", reason=str(trouble), job=job)
        return None


def _last_error(tail: str) -> str:
    """Of a log of JSON lines, the first of which may be cut; '' when nothing went wrong in it."""
    for line in reversed(tail.splitlines()):
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict) and told.get("level") in {"error", "critical"}:
            event = str(told.get("event", "")).strip()
            lines = str(told.get("reason") or told.get("exception") or "").strip().splitlines()
            return f"{event}: {lines[-1].strip()}" if lines else event
    return ""
