"""One clock for several processes, over its socket and through a restart of its database."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from propspider import clock
from propspider.clock import Followed
from propspider.config import environment_of_its_own
from propspider.lab.timekeeping import serve_clock
from propspider.lab.travel import CLOCK, SimulatedClock
from propspider.lab.world import EPOCH


@pytest.fixture
def time(empty_database_url: str) -> Iterator[SimulatedClock]:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(CLOCK)
    simulated = SimulatedClock(EPOCH, empty_database_url)
    yield simulated
    simulated.close()


def test_whoever_follows_sees_the_time_and_moves_it(time: SimulatedClock, tmp_path: Path) -> None:
    with serve_clock(time, tmp_path / "clock"):
        one, other = Followed(tmp_path / "clock"), Followed(tmp_path / "clock")
        assert one.now() == EPOCH
        asyncio.run(other.sleep(90))
        assert one.now() == time.now() == EPOCH + timedelta(seconds=90)
        time.advance_to(EPOCH + timedelta(days=1))
        assert one.now() == other.now() == EPOCH + timedelta(days=1)


def test_without_its_laboratory_nobody_is_told_the_time(time: SimulatedClock, tmp_path: Path) -> None:
    with serve_clock(time, tmp_path / "clock"):
        follower = Followed(tmp_path / "clock")
        follower.now()
    with pytest.raises(ConnectionError):
        follower.now()
    with pytest.raises(FileNotFoundError):
        Followed(tmp_path / "clock").now()


@pytest.mark.parametrize("imported", ["propspider.settings", "propspider.commands.output"])
def test_a_process_goes_by_the_clock_that_its_environment_names(time: SimulatedClock, tmp_path: Path, imported: str) -> None:
    """An installed crawl, and a command that opens the database."""
    opens = (
        "import contextlib\nwith contextlib.suppress(Exception):\n    m.opened().__enter__()\n" if "commands" in imported else ""
    )
    code = f"import {imported} as m\n{opens}from propspider import clock\nprint(clock.now().isoformat())"
    with serve_clock(time, tmp_path / "clock"):
        environment = environment_of_its_own(
            PROPSPIDER_CLOCK=str(tmp_path / "clock"), DATABASE_URL="postgresql://nobody@127.0.0.1:1/"
        )
        said = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
        )
    assert datetime.fromisoformat(said.stdout.strip()) == EPOCH


def test_the_clock_outlives_its_database(time: SimulatedClock, empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE application_name = 'propspider-lab-clock' AND datname = current_database()"""
        )
        time.spend(60)
        row = connection.execute("SELECT at FROM lab.clock").fetchone()
    assert row == (EPOCH + timedelta(seconds=60),)


def test_a_timer_of_the_wall_clock_is_set_for_what_is_left_until_a_moment(time: SimulatedClock) -> None:
    before = clock.now()
    clock.use(time)
    try:
        coming = clock.in_real_time(EPOCH + timedelta(hours=1))
    finally:
        clock.use(clock.RealTime())
    assert before + timedelta(hours=1) <= coming <= clock.now() + timedelta(hours=1)
    assert clock.in_real_time(EPOCH) == EPOCH
