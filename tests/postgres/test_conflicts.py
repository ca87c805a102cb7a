"""Two transactions that cannot both have their way: the server picks one to fail, and that one is repeated."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from propspider.db.transactions import BadData, ConnectionLost, in_transaction
from tests.builders import column, run, scalar

MEET_SECONDS = 20
MOVE = "UPDATE host_pacing SET delay_seconds = delay_seconds + {by} WHERE host = '{host}'"
FOLLOW = (
    "UPDATE host_pacing SET delay_seconds = 1 + (SELECT delay_seconds FROM host_pacing WHERE host = '{of}') WHERE host = '{to}'"
)


@pytest.fixture(autouse=True)
def _two_hosts(engine: Engine) -> None:
    for host in ("a", "b"):
        run(engine, "INSERT INTO host_pacing (host, next_at, delay_seconds) VALUES (:host, clock_timestamp(), 0)", host=host)


def _together(engine: Engine, one: list[str], two: list[str]) -> int:
    """Each: one statement, wait for the other to be as far, the rest. How many attempts both needed: more than one each."""
    meeting = threading.Barrier(2)
    attempts: list[str] = []

    def work_of(statements: list[str]) -> Callable[[Connection], None]:
        met: list[bool] = []

        def work(connection: Connection) -> None:
            attempts.append(statements[0])
            connection.execute(sa.text(statements[0]))
            if not met:
                met.append(True)
                meeting.wait(MEET_SECONDS)
            for statement in statements[1:]:
                connection.execute(sa.text(statement))

        return work

    with ThreadPoolExecutor(2) as threads:
        for running in [threads.submit(in_transaction, engine, work_of(statements)) for statements in (one, two)]:
            running.result(timeout=2 * MEET_SECONDS)
    return len(attempts)


def test_a_deadlock_is_retried_and_both_have_their_way(engine: Engine) -> None:
    a, b = MOVE.format(by=1, host="a"), MOVE.format(by=1, host="b")
    assert _together(engine, [a, b], [b, a]) > 2
    assert column(engine, "SELECT delay_seconds FROM host_pacing") == [2, 2]


def test_a_lost_update_under_repeatable_read_is_retried(engine: Engine) -> None:
    statements = ["SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SELECT 1", MOVE.format(by=1, host="a")]
    # The snapshot is taken by the first statement that reads: before they meet.
    snapshot = f"{statements[0]}; {statements[1]}"
    assert _together(engine, [snapshot, statements[2]], [snapshot, statements[2]]) > 2
    assert scalar(engine, "SELECT delay_seconds FROM host_pacing WHERE host = 'a'") == 2


def test_write_skew_between_serializable_transactions_is_retried(engine: Engine) -> None:
    snapshot = "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT * FROM host_pacing"
    assert _together(engine, [snapshot, FOLLOW.format(of="a", to="b")], [snapshot, FOLLOW.format(of="b", to="a")]) > 2
    assert sorted(column(engine, "SELECT delay_seconds FROM host_pacing")) == [1, 2]


def test_a_refused_value_is_told_apart_and_not_tried_again(engine: Engine) -> None:
    attempts: list[int] = []

    def work(connection: Connection) -> None:
        attempts.append(1)
        connection.execute(sa.text("INSERT INTO host_pacing (host, next_at, delay_seconds) VALUES ('c', 'never', 0)"))

    with pytest.raises(BadData, match="never"):
        in_transaction(engine, work)
    assert attempts == [1]


def test_a_conflict_that_never_ends_is_given_up(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("propspider.db.transactions.PATIENCE_SECONDS", 0.2)
    attempts: list[int] = []

    def work(connection: Connection) -> None:
        attempts.append(1)
        connection.execute(sa.text("DO $$ BEGIN RAISE SQLSTATE '40001' USING MESSAGE = 'again and again'; END $$"))

    with pytest.raises(ConnectionLost, match="again and again"):
        in_transaction(engine, work)
    assert len(attempts) > 5
