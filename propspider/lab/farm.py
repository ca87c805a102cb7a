"""Simulations in processes of their own, two at a time: each has its clock, its portal, its reactor and its database."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from propspider import config
from propspider.lab import database
from propspider.lab.faults import FAULTS
from propspider.lab.scenario import Scenario

if TYPE_CHECKING:
    from propspider.lab.simulate import Result

WORKERS = 2
FAULTY = Scenario(name="faults", listings=1_000, requests_per_listing=0.2, warm_up_days=3, days=10)
"""What each fault is let loose on: from the third day of ten to the fifth, as `FaultKind.scenario` has it. With requests
enough for every step of every tier: what is judged is what the steps do.
"""

Part = Literal["prepare", "judge"]


@frozen
class Suite:
    """Every result of `make lab`: of the tiers by seed, and of each fault by its name."""

    tiers: Sequence["Result"]
    faults: Sequence[tuple[str, "Result"]]


@frozen
class Farm:
    """`told` gets a line now and then, in the processes that work. What a simulation raises is raised here."""

    pool: ProcessPoolExecutor
    told: Callable[[str], None]

    def run(self, scenario: Scenario) -> "Result":
        """In one database, which stays."""
        self._prepare(scenario)
        return self._judge(scenario)

    def suite(self, seeds: Sequence[int], *, tiers: Scenario, faults: Sequence[str]) -> Suite:
        """The databases are dropped."""
        with ThreadPoolExecutor(2 * len(seeds)) as lanes:
            of_tiers = [lanes.submit(self._tiers, tiers, seed) for seed in seeds]
            of_faults = [lanes.submit(self._faults, faults, seed) for seed in seeds]
            return Suite([one.result() for one in of_tiers], [found for one in of_faults for found in one.result()])

    def _tiers(self, tiers: Scenario, seed: int) -> "Result":
        scenario = tiers.model_copy(update={"name": f"{tiers.name}_{seed}", "seed": seed})
        try:
            return self.run(scenario)
        finally:
            database.discard(config.load(), scenario.database)

    def _faults(self, faults: Sequence[str], seed: int) -> list[tuple[str, "Result"]]:
        base = FAULTY.model_copy(update={"name": f"{FAULTY.name}_{seed}", "seed": seed})
        found = []
        try:
            self._prepare(base)
            for fault in faults:
                by_head = "head_get" if "GET" not in FAULTS[fault].methods else None
                changes = {"name": f"{fault}_{seed}", "faults": (FAULTS[fault].scenario,), "verify_method": by_head}
                scenario = base.model_copy(update=changes)
                result = self._judge(scenario, base)
                missed = [f"{row.name} {row.value}" for row in result.scorecard.missed]
                self.told(f"{fault}: {sum(result.applied.values())} answers changed; {', '.join(missed) or 'nothing is wrong'}")
                found.append((fault, result))
                database.discard(config.load(), scenario.database)
        finally:
            database.discard(config.load(), base.database)
        return found

    def _prepare(self, scenario: Scenario) -> None:
        url = database.create(config.load(), scenario.database)
        self.pool.submit(carry_out, scenario, "prepare", url, self.told).result()

    def _judge(self, scenario: Scenario, base: Scenario | None = None) -> "Result":
        """In a copy of the database that `base` left, or in its own."""
        source = base or scenario
        url = (
            database.copy(config.load(), source.database, scenario.database)
            if base
            else database.url_of(config.load(), source.database)
        )
        result = self.pool.submit(carry_out, scenario, "judge", url, self.told).result()
        assert result is not None  # noqa: S101 - of what is judged
        return result


@contextmanager
def farm(told: Callable[[str], None], *, workers: int = WORKERS) -> Iterator[Farm]:
    """`told` must be a function of a module."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        try:
            yield Farm(pool, told)
        except BaseException:
            for process in list(pool._processes.values()):
                process.kill()
            pool.shutdown(cancel_futures=True)
            raise


def carry_out(scenario: Scenario, part: Part, url: str, told: Callable[[str], None]) -> "Result | None":
    """In a process that does nothing else. Raises what a simulation raises."""
    os.environ.update(scenario.environment(url))
    from propspider import logs
    from propspider.lab import simulate

    found = config.load()
    logs.configure(found, console=False)
    simulation = simulate.Simulation(scenario, found, lambda line: told(f"{scenario.name}: {line}"))
    if part == "judge":
        return simulation.judge()
    simulation.prepare()
    return None
