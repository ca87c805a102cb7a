"""Turns and holds of a host, as rows. What the clock would bring is written into the row."""

import pytest
from sqlalchemy import Engine

from propspider.sync import pacing
from propspider.sync.pacing import HostHeld
from tests.builders import one, run, scalar

HOST = "www.example.com"


def reserve(engine: Engine, delay: float = 1.0) -> float:
    with engine.begin() as connection:
        return pacing.reserve(connection, HOST, delay).wait_seconds


def ask(engine: Engine, delay: float = 1.0) -> float:
    with engine.begin() as connection:
        return pacing.ask(connection, HOST, delay)


def hold(engine: Engine, seconds: float | None) -> float:
    with engine.begin() as connection:
        return pacing.hold(connection, HOST, seconds)


def calm(engine: Engine) -> bool:
    with engine.begin() as connection:
        return pacing.calm(connection, HOST)


def strikes(engine: Engine) -> int:
    return int(scalar(engine, "SELECT strikes FROM host_pacing"))


def hold_is_over(engine: Engine) -> None:
    run(engine, "UPDATE host_pacing SET hold_until = clock_timestamp() - interval '1 second'")


def test_turns_are_a_delay_and_its_margin_apart(engine: Engine) -> None:
    assert [round(reserve(engine), 1) for _ in range(3)] == [0.0, 1.0, 2.1]


def test_no_turn_comes_before_the_end_of_a_hold(engine: Engine) -> None:
    reserve(engine)
    hold(engine, 10)
    first, second = reserve(engine), reserve(engine)
    assert 9.5 < first <= 10
    assert second - first == pytest.approx(1.05, abs=0.2)


def test_a_turn_that_was_reserved_before_a_hold_waits_for_its_end(engine: Engine) -> None:
    assert reserve(engine) == 0
    hold(engine, 10)
    assert 9.5 < ask(engine) <= 10
    assert scalar(engine, "SELECT asked_at FROM host_pacing") is None
    hold_is_over(engine)
    assert ask(engine) == 0


def test_a_request_that_goes_late_moves_the_next_one(engine: Engine) -> None:
    reserve(engine)
    reserve(engine)
    assert ask(engine) == 0
    assert 0.9 < ask(engine) <= 1.05
    run(engine, "UPDATE host_pacing SET asked_at = clock_timestamp() - interval '1.01 seconds'")
    assert ask(engine) == 0


def test_a_hold_that_nobody_waits_for_is_refused_and_reserves_nothing(engine: Engine) -> None:
    reserve(engine)
    before = scalar(engine, "SELECT next_at FROM host_pacing")
    hold(engine, 61)
    for step in (reserve, ask):
        with pytest.raises(HostHeld) as caught:
            step(engine)
        assert 60 < caught.value.seconds <= 61
        assert HOST in str(caught.value)
    assert scalar(engine, "SELECT next_at FROM host_pacing") == before


def test_a_hold_is_never_shortened(engine: Engine) -> None:
    assert 29 < hold(engine, 30) <= 30
    assert 29 < hold(engine, 3) <= 30
    assert 29 < hold(engine, None) <= 30


def test_who_does_not_say_for_how_long_is_left_alone_twice_as_long_each_time(engine: Engine) -> None:
    lengths = []
    for _ in range(12):
        lengths.append(round(hold(engine, None)))
        hold_is_over(engine)
    assert lengths == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]


def test_the_first_hold_is_at_least_four_delays(engine: Engine) -> None:
    reserve(engine, 10)
    assert 41 < hold(engine, None) <= 42


def test_answers_to_requests_of_before_a_hold_are_no_further_strikes(engine: Engine) -> None:
    for _ in range(16):
        assert hold(engine, None) <= 5
    assert strikes(engine) == 1


def test_a_good_answer_forgets_the_strikes_once_the_hold_is_over(engine: Engine) -> None:
    hold(engine, 5)
    assert not calm(engine)
    hold_is_over(engine)
    hold(engine, 5)
    assert strikes(engine) == 2
    hold_is_over(engine)
    assert calm(engine)
    assert (strikes(engine), calm(engine)) == (0, False)


def test_other_hosts_are_not_concerned(engine: Engine) -> None:
    hold(engine, 50)
    with engine.begin() as connection:
        assert pacing.reserve(connection, "other.example.com", 1).wait_seconds == 0
    assert one(engine, "SELECT * FROM host_pacing WHERE host = 'other.example.com'")["hold_until"] is None
