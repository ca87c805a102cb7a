"""Statements that are sent without waiting for each other."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from sqlalchemy import Connection, Engine, text

from propspider.db.engine import create_engine
from propspider.db.prepared import Pipeline, pipeline, run
from propspider.db.transactions import BadData, in_transaction


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


DIVIDED = text("SELECT 6 / CAST(:by AS integer)")
TEXTS = text("SELECT u FROM unnest(CAST(:texts AS text[])) AS u ORDER BY u DESC")


def test_answers_come_in_the_order_in_which_they_were_asked_for(engine: Engine) -> None:
    with engine.begin() as connection:
        with pipeline(connection) as pipe:
            first, second = pipe.send(DIVIDED, {"by": 2}), pipe.send(TEXTS, {"texts": ["a", "b"]})
            assert second.fetchall() == [("b",), ("a",)]
            assert first.fetchall() == [(3,)]
        assert run(connection, DIVIDED, {"by": 3}) == [(2,)]
        assert connection.execute(DIVIDED, {"by": 6}).scalar_one() == 1


@pytest.mark.parametrize("ending", [lambda rows: rows.fetchall(), lambda rows: None])
@pytest.mark.parametrize("before", [0, 2])
def test_the_error_is_that_of_the_statement_that_failed(
    engine: Engine, ending: Callable[[psycopg.RawCursor[tuple[object, ...]]], object], before: int
) -> None:
    """Not that of what came after it, which would look like a connection that was lost."""

    def work(pipe: Pipeline) -> None:
        for _ in range(before):
            pipe.send(DIVIDED, {"by": 1})
        pipe.send(DIVIDED, {"by": 0})
        ending([pipe.send(TEXTS, {"texts": ["a"] * 10_000}) for _ in range(3)][-1])

    def transaction(connection: Connection) -> None:
        with pipeline(connection) as pipe:
            work(pipe)

    with pytest.raises(psycopg.errors.DivisionByZero), engine.begin() as connection:
        transaction(connection)
    with pytest.raises(BadData, match="division by zero"):
        in_transaction(engine, transaction)
    with engine.begin() as connection:
        assert run(connection, DIVIDED, {"by": 1}) == [(6,)]
