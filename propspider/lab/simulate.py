"""One scenario from its first page to its scorecard. Needs a process of its own: it has the reactor, and the clock is its own."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from attrs import frozen

from propspider import clock, lab, portals
from propspider.config import Config
from propspider.db.engine import get_engine
from propspider.lab import LaboratoryError, database, parameters, sample, score
from propspider.lab.crawling import InProcessLauncher
from propspider.lab.drive import Driver
from propspider.lab.faults import Fault, Faults
from propspider.lab.life import Life
from propspider.lab.sample import Sample
from propspider.lab.scenario import Scenario
from propspider.lab.score import Scorecard, Targets
from propspider.lab.server import REQUESTS, create_app
from propspider.lab.serving import serve
from propspider.lab.travel import SimulatedClock
from propspider.tiers.table import Key, of_portal

START = datetime(2026, 1, 1, 6, 0, tzinfo=UTC)
BUDGETED = ("new in 24 h", "removal recall within 21 d", "oldest detail", "backlog, most")
"""Rows whose targets take requests."""
SAMPLE_EVERY = timedelta(hours=6)
PATIENCE_SECONDS = 30.0
REAL_PATIENCE_SECONDS = 1.0
"""A crawler's time-out in simulated and in real seconds."""
SPARE = 10.0
"""Days of the world beyond those of the scenario: for a run that is under way at the end, and a full scrape that takes longer."""
SETTINGS = {"DOWNLOAD_TIMEOUT": REAL_PATIENCE_SECONDS, "LOG_ENABLED": False}


@frozen(kw_only=True)
class Result:
    """`applied`: how often each fault changed an answer; `real_seconds` of the days that are judged."""

    scenario: Scenario
    scorecard: Scorecard
    real_seconds: float
    applied: dict[str, int]


class Simulation:
    """`told` gets a line now and then. Raises what the parameters, the faults and the database raise."""

    def __init__(self, scenario: Scenario, config: Config, told: Callable[[str], None]) -> None:
        if config.database_url is None:
            raise ValueError("a simulation runs in a database of its own")
        self._scenario, self._config, self._told = scenario, config, told
        self._scale = scenario.scale
        known = parameters.read(scenario.world)
        self._reasons = dict.fromkeys(BUDGETED, self._scale.demand(known))
        days = SPARE + scenario.total_days
        self._life = Life(known, listings=scenario.listings, seed=scenario.seed, start=START, days=days)
        url = config.database_url.get_secret_value()
        self._time = SimulatedClock(database.begun(url) or START, url)
        self._slowness = 1.0
        self._samples: list[Sample] = []
        self._first: sample.Snapshot | None = None
        self._faults = Faults(
            [],
            seed=scenario.seed,
            now=self._time.now,
            start=START,
            spend=self._time.spend,
            real_seconds=2 * REAL_PATIENCE_SECONDS,
            patience=PATIENCE_SECONDS,
        )
        self._misbehaviour = [Fault.parse(text) for text in scenario.faults]

    def prepare(self) -> None:
        """The full scrape and the warm-up; the database then stands at the moment from which runs may be judged."""
        with self._driven() as driver:
            self._load(driver)
            self._live(driver, self._time.now() + timedelta(days=self._scenario.warm_up_days))

    def judge(self) -> Result:
        """From the moment at which the database stands."""
        began, since = time.monotonic(), self._time.now()
        end = since + timedelta(days=self._scenario.days)
        self._faults.start, self._faults.faults = since, tuple(self._misbehaviour)
        with get_engine().connect() as connection:
            start = sample.snapshot(connection)
        with self._driven() as driver:
            self._sample(since, end)
            self._live(driver, end)
            requests = [*self._app[REQUESTS]]
        under_fault = Targets.under_fault()
        with get_engine().connect() as connection:
            card = score.score(
                connection,
                self._life,
                requests,
                self._samples,
                seed=self._scenario.seed,
                since=since,
                until=self._time.now(),
                start=start,
                reasons=self._reasons,
                targets=under_fault if self._misbehaviour else Targets(backlog=self._scale.queue_ceiling),
            )
        return Result(
            scenario=self._scenario,
            scorecard=card,
            real_seconds=time.monotonic() - began,
            applied=dict(self._faults.applied),
        )

    @contextmanager
    def _driven(self) -> Iterator[Driver]:
        clock.use(self._time)
        self._app = create_app(
            self._life,
            page_cap=self._scale.depth_cap,
            now=self._time.now,
            spend=lambda seconds: self._time.spend(seconds * self._slowness),
            latency=self._scale.seconds_per_request,
            kept_requests=10_000_000,
            faults=self._faults,
        )
        with serve(self._app) as base_url:
            portal = portals.load(lab.PORTAL, self._config.facts_of(lab.PORTAL)).with_base(base_url, allow_private=True)
            tiers = {key: self._scale.tier(tier) for key, tier in of_portal(portal, self._config).items()}
            launcher = InProcessLauncher(arguments={"base_url": base_url}, settings=SETTINGS)
            yield Driver(get_engine(), portal, tiers, launcher, self._time)
            launcher.close()

    def _live(self, driver: Driver, until: datetime) -> None:
        """Under the scenario's policy, up to a moment; a tier that is under way then comes to its end."""
        if self._scenario.policy == "tiers":
            driver.until(until)
        while (left := until - self._time.now()) > timedelta(0):
            once = {"stale": timedelta(days=1), "max_items": self._scenario.listings, "budget": left}
            ended = driver.run(Key.FULL, **once)
            self._told(f"a full scrape {ended.status}: {'; '.join(ended.errors) or f'{ended.properties_scraped:,} details'}")

    def _load(self, driver: Driver) -> None:
        """At the pace at which it takes about as long as the scenario says."""
        requests = self._scenario.listings + self._scale.sweep_pages
        wanted = timedelta(days=self._scenario.first_load_days)
        self._slowness = wanted.total_seconds() / (requests * self._scale.seconds_per_request)
        self._told(f"the first full scrape: {requests:,} requests or more, {self._scenario.first_load_days:g} days")
        result = driver.run(Key.FULL)
        self._slowness = 1.0
        if not result.success:
            raise LaboratoryError(f"the first full scrape {result.status}: {'; '.join(result.errors)}")
        self._told(f"took {(self._time.now() - START) / timedelta(days=1):.1f} days; {self._scenario.warm_up_days:g} of warm-up")

    def _sample(self, since: datetime, end: datetime) -> None:
        now = self._time.now()
        with get_engine().connect() as connection:
            found = sample.sample(connection, self._life, now)
        self._samples.append(found)
        day, part = divmod((now - since) / timedelta(days=1), 1)
        if not round(part * 4):
            self._told(f"day {day:.0f}: {found.listings:,} listings, {found.f_core:.1%} right, {found.f_all:.1%} in all")
        if now < end:
            self._time.at(now + SAMPLE_EVERY, partial(self._sample, since, end))
