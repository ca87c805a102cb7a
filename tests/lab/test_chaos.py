"""Days on which everything is killed, in real processes on a server of their own."""

from propspider.lab.chaos_days import run_days
from propspider.lab.chaos_plan import FEWEST, MOST, Plan

SEEDS = (1, 2, 5)


def test_the_books_balance_after_days_of_chaos() -> None:
    """A daemon with a stand-by, a crontab, and a daemon alone."""
    days = {day.seed: day for day in run_days(SEEDS, workers=2)}
    assert {seed: day.faults for seed, day in days.items() if day.faults} == {}
    assert days.keys() == set(SEEDS)
    assert all(day.kills for day in days.values())
    assert sum(day.figures["take-overs"] for day in days.values()) > 0


def test_a_seed_plans_the_same_kills_again_and_all_seeds_every_kind() -> None:
    plans = [Plan.of(seed) for seed in range(200)]
    assert plans == [Plan.of(seed) for seed in range(200)]
    assert all(FEWEST <= len(plan.kills) <= MOST for plan in plans)
    assert {plan.scheduling for plan in plans} == {"daemon", "daemons", "cron", "both"}
    assert len({(kill.counted, victims) for plan in plans for kill in plan.kills for victims in kill.victims}) == 7 * 5
