"""One holder at a time; a silent one loses its lease and what it still does is refused."""

import threading

import pytest
from sqlalchemy import Engine

from propspider.sync import leases
from propspider.sync.leases import Lease, LeaseHeld, Superseded
from tests.builders import run

NAME = "sweep:pincali:sale"


def acquire(engine: Engine, holder: str) -> Lease:
    with engine.begin() as connection:
        return leases.acquire(connection, NAME, holder)


def test_a_lease_that_is_held_says_by_whom(engine: Engine) -> None:
    acquire(engine, "one")
    with pytest.raises(LeaseHeld, match=r"sweep:pincali:sale is held by one, last heard of \d s ago"):
        acquire(engine, "two")


def test_a_released_lease_is_free_and_its_fence_never_comes_back(engine: Engine) -> None:
    first = acquire(engine, "one")
    with engine.begin() as connection:
        leases.release(connection, first)
    second = acquire(engine, "two")
    assert second.fence > first.fence
    with engine.begin() as connection:
        leases.release(connection, first)
    with pytest.raises(LeaseHeld, match="held by two"):
        acquire(engine, "three")


def test_a_silent_holder_is_superseded(engine: Engine) -> None:
    first = acquire(engine, "one")
    run(engine, "UPDATE leases SET beat_at = clock_timestamp() - interval '1 hour'")
    second = acquire(engine, "two")
    with engine.begin() as connection:
        assert not leases.beat(connection, first)
        assert leases.beat(connection, second)
        leases.check(connection, second)
        with pytest.raises(Superseded):
            leases.check(connection, first)


def test_a_take_over_waits_for_a_flush_that_has_checked_its_fence(engine: Engine) -> None:
    first = acquire(engine, "one")
    run(engine, "UPDATE leases SET beat_at = clock_timestamp() - interval '1 hour'")
    taken = threading.Event()

    def take() -> None:
        acquire(engine, "two")
        taken.set()

    thread = threading.Thread(target=take)
    with engine.begin() as connection:
        leases.check(connection, first)
        thread.start()
        assert not taken.wait(0.3)
    thread.join(timeout=30)
    assert taken.is_set()


def test_of_many_who_ask_at_once_one_gets_it(engine: Engine) -> None:
    won: list[str] = []

    def ask(holder: str) -> None:
        try:
            acquire(engine, holder)
        except LeaseHeld:
            return
        won.append(holder)

    threads = [threading.Thread(target=ask, args=(str(number),)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(won) == 1
