"""The simulated clock: never back, alarms at just their moment, and a database that goes by it."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import psycopg
import pytest

from propspider.lab import database
from propspider.lab.travel import CLOCK, GOES_BY_IT, SimulatedClock

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def url(database_url: str) -> str:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(CLOCK)
        connection.execute(GOES_BY_IT)
    return database_url


@pytest.fixture
def time(url: str) -> Iterator[SimulatedClock]:
    clock = SimulatedClock(START, url)
    yield clock
    clock.close()


def seen(url: str, asked: str = "app_now()") -> datetime:
    with psycopg.connect(url) as connection:
        row = connection.execute(f"SELECT {asked}").fetchone()  # type: ignore[arg-type]
        assert row is not None
        return row[0]  # type: ignore[no-any-return]


def test_what_is_spent_and_slept_moves_it_in_the_database_as_well(time: SimulatedClock, url: str) -> None:
    time.spend(3600)
    asyncio.run(time.sleep(1800))
    assert time.now() == START + HOUR * 1.5
    assert seen(url) == seen(url, "app_clock()") == START + HOUR * 1.5


def test_it_never_goes_back(time: SimulatedClock, url: str) -> None:
    time.advance_to(START + HOUR)
    time.advance_to(START)
    time.spend(-60)
    assert time.now() == seen(url) == START + HOUR


def test_time_passes_within_a_transaction_of_somebody_else(time: SimulatedClock, url: str) -> None:
    with psycopg.connect(url) as connection:
        before = connection.execute("SELECT app_clock()").fetchone()
        time.spend(60)
        after = connection.execute("SELECT app_clock()").fetchone()
    assert before == (START,)
    assert after == (START + timedelta(minutes=1),)


def test_alarms_go_off_at_their_moment_in_their_order(time: SimulatedClock, url: str) -> None:
    told: list[tuple[str, datetime, datetime]] = []

    def note(name: str) -> None:
        told.append((name, time.now(), seen(url)))

    time.at(START + 3 * HOUR, lambda: note("third"))
    time.at(START + HOUR, lambda: (note("first"), time.at(START + 2 * HOUR, lambda: note("second"))))
    time.advance_to(START + 5 * HOUR)
    assert [name for name, _, _ in told] == ["first", "second", "third"]
    assert all(at == stored == START + number * HOUR for number, (_, at, stored) in enumerate(told, start=1))
    assert time.now() == START + 5 * HOUR


def test_an_alarm_for_a_moment_that_is_past_goes_off_now(time: SimulatedClock) -> None:
    told: list[datetime] = []
    time.advance_to(START + HOUR)
    time.at(START, lambda: told.append(time.now()))
    time.spend(1)
    assert told == [START + HOUR]


def test_many_threads_spend_the_sum_of_it(time: SimulatedClock) -> None:
    seen_by_one: list[datetime] = []

    def spend() -> None:
        for _ in range(50):
            time.spend(1)
            seen_by_one.append(time.now())

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.now() == START + timedelta(seconds=200)
    assert all(earlier <= later for earlier, later in pairwise(sorted(seen_by_one)))


def test_only_a_database_with_its_clock_or_an_empty_one_is_its_own(
    url: str, empty_database_url: str, template_database: str
) -> None:
    assert database.is_ours(url)
    assert database.is_ours(empty_database_url)


def test_a_database_of_the_product_is_not(database_url: str) -> None:
    assert not database.is_ours(database_url)


def test_a_simulation_goes_on_where_the_last_one_left_its_database(time: SimulatedClock, url: str) -> None:
    assert database.begun(url) is None
    time.spend(60)
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO sync_runs (portal) VALUES ('pincali')")
    assert database.begun(url) == START + timedelta(minutes=1)
