"""What is tried again, what is the data's fault, and what is the server's."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import InternalError

from propspider.db import transactions
from propspider.db.engine import DatabaseUnavailable, SchemaOutdated, create_engine, open_engine
from propspider.db.revision import HEAD
from propspider.db.transactions import BadData, ConnectionLost, in_transaction


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE tally (n int PRIMARY KEY)"))
    yield engine
    engine.dispose()


def write(connection: Connection, number: int = 1) -> None:
    connection.execute(sa.text("INSERT INTO tally VALUES (:n)"), {"n": number})


def tally(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.execute(sa.text("SELECT n FROM tally ORDER BY n")).scalars())


def raising(command: str, times: int, tries: list[int]) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        tries.append(1)
        write(connection)
        if len(tries) <= times:
            connection.execute(sa.text(command))
        return "done"

    return work


SERIALIZATION = "DO $$ BEGIN RAISE serialization_failure; END $$"
SUICIDE = "SELECT pg_terminate_backend(pg_backend_pid())"


@pytest.mark.parametrize(("command", "times"), [(SERIALIZATION, 5), (SUICIDE, 1)])
def test_what_may_go_better_is_tried_again_and_committed_once(engine: Engine, command: str, times: int) -> None:
    tries: list[int] = []
    assert in_transaction(engine, raising(command, times, tries)) == "done"
    assert (len(tries), tally(engine)) == (times + 1, [1])


@pytest.mark.parametrize("command", [SERIALIZATION, SUICIDE])
def test_what_stays_bad_ends_as_a_lost_connection(engine: Engine, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "PATIENCE_SECONDS", 0.5)
    tries: list[int] = []
    with pytest.raises(ConnectionLost) as caught:
        in_transaction(engine, raising(command, 99, tries))
    assert len(tries) > 1
    assert tally(engine) == []
    assert "\n" not in str(caught.value)


def test_a_connection_lost_outside_of_sqlalchemy_is_tried_again_too(engine: Engine) -> None:
    """COPY speaks to the driver itself."""
    tries: list[int] = []

    def work(connection: Connection) -> None:
        tries.append(1)
        if len(tries) == 1:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute(SUICIDE)
        write(connection)

    in_transaction(engine, work)
    assert tally(engine) == [1]


@pytest.mark.parametrize(
    "work",
    [
        lambda connection: connection.execute(sa.text("INSERT INTO tally VALUES (99999999999)")),
        lambda connection: connection.execute(sa.text("INSERT INTO tally VALUES (NULL)")),
        lambda connection: connection.execute(sa.text("SELECT CAST(:x AS text)"), {"x": "\x00"}),
        lambda connection: connection.execute(sa.text("SELECT CAST(:x AS text)"), {"x": "\ud800"}),
        lambda connection: connection.execute(sa.text("SELECT no_such_column FROM tally")),
    ],
    ids=["range", "null", "nul", "surrogate", "column"],
)
def test_bad_data_is_told_apart_and_leaves_nothing(engine: Engine, work: Callable[[Connection], object]) -> None:
    def body(connection: Connection) -> None:
        write(connection)
        work(connection)

    with pytest.raises(BadData) as caught:
        in_transaction(engine, body)
    assert "\n" not in str(caught.value)
    assert tally(engine) == []


def test_what_is_neither_is_raised_as_it_is(engine: Engine) -> None:
    def body(connection: Connection) -> None:
        connection.execute(sa.text("SET TRANSACTION READ ONLY"))
        write(connection)

    with pytest.raises(InternalError):
        in_transaction(engine, body)


def test_an_exception_of_the_work_itself_rolls_back(engine: Engine) -> None:
    def body(connection: Connection) -> None:
        write(connection)
        raise LookupError

    with pytest.raises(LookupError):
        in_transaction(engine, body)
    assert tally(engine) == []


# --- engines ---


def configured(url: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    from propspider.config import load

    monkeypatch.setenv("DATABASE_URL", url)
    return open_engine(load())


def test_an_engine_opens_on_a_current_schema(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = configured(database_url, monkeypatch)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SHOW application_name")).scalar_one() == "propspider"
    engine.dispose()


def test_another_revision_is_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'zzzz'")
    with pytest.raises(SchemaOutdated, match=f"is at revision zzzz, this version needs {HEAD}: run `propspider db upgrade`"):
        configured(database_url, monkeypatch)


def test_an_empty_database_is_refused(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SchemaOutdated, match="has no propspider tables"):
        configured(empty_database_url, monkeypatch)


def test_an_unreachable_database_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DatabaseUnavailable, match="cannot be reached") as caught:
        configured("postgresql://someone:s3cret@127.0.0.1:9/none", monkeypatch)
    assert "\n" not in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_url_that_is_none_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DatabaseUnavailable):
        configured("postgresql://[broken", monkeypatch)
