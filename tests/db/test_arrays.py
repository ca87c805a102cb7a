"""Arrays as parameters arrive as psycopg's own dumper would have sent them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from propspider.db import arrays
from propspider.items import Operation

MOMENT = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url) as opened:
        arrays.register(opened)
        yield opened


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text", ["", "NULL", 'say "hi"', "a\\b", "{x,y}", "ñandú 🏠", " blank ", None]),
        ("text", [None, None]),
        ("text", []),
        ("float8", [0.0, -0.0, 1e300, 19.0000001, None]),
        ("boolean", [True, False, None]),
        ("bigint", [1, -5, 2**40, None]),
        ("smallint", [1, 2]),
        ("numeric", [Decimal("1.00"), Decimal("1"), Decimal("-12345678901234.55"), None]),
        ("timestamptz", [MOMENT, MOMENT, MOMENT + timedelta(microseconds=1), None]),
        ("text", [["a", None], ["b", "c"]]),
    ],
)
def test_an_array_comes_back_as_it_was_given(connection: psycopg.Connection[Any], kind: str, values: list[Any]) -> None:
    row = connection.execute(f"SELECT CAST(%s AS {kind}[])", [values]).fetchone()
    assert row is not None
    assert list(map(str, row[0])) == list(map(str, values))


def test_members_of_a_vocabulary_arrive_as_their_values(connection: psycopg.Connection[Any]) -> None:
    row = connection.execute("SELECT CAST(%s AS text[])", [[Operation.SALE, Operation.RENT]]).fetchone()
    assert row == (["sale", "rent"],)


def test_a_text_that_the_server_cannot_hold_is_refused(connection: psycopg.Connection[Any]) -> None:
    with pytest.raises(psycopg.DataError):
        connection.execute("SELECT CAST(%s AS text[])", [["a\0b"]])


def test_a_lone_surrogate_is_met_before_the_server_is(connection: psycopg.Connection[Any]) -> None:
    with pytest.raises(UnicodeEncodeError):
        connection.execute("SELECT CAST(%s AS text[])", [["\ud800"]])
