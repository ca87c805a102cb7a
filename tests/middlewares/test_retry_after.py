from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from propspider.middlewares.retry_after import LONGEST_SECONDS, retry_after_seconds

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("3", 3.0),
        (" 120 ", 120.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("Mon, 02 Mar 2026 12:00:07 GMT", 7.0),
        ("Monday, 02-Mar-26 12:00:07 GMT", 7.0),
        ("Mon Mar  2 12:00:07 2026", 7.0),
        ("Mon, 02 Mar 2026 13:00:07 +0100", 7.0),
        ("99999999999999999999", LONGEST_SECONDS),
        ("9" * 5000, LONGEST_SECONDS),
        ("Mon, 02 Mar 2099 12:00:00 GMT", LONGEST_SECONDS),
        ("Mon, 02 Mar 2026 12:00:00 GMT", None),
        ("Mon, 02 Mar 2020 12:00:00 GMT", None),
        ("-5", None),
        ("+5", None),
        ("5 s", None),
        ("1e9", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("٣", None),
        ("Mon, 02 Mar 999999999999999999999 12:00:00 GMT", None),
        ("Mon, 31 Feb 2026 12:00:00 GMT", None),
        ("", None),
        (None, None),
    ],
)
def test_what_a_host_asks_for(value: str | None, expected: float | None) -> None:
    assert retry_after_seconds(value, now=NOON) == expected


@given(st.text() | st.from_regex(r"[0-9]+(\.[0-9]+)?") | st.datetimes().map(format_datetime))
def test_whatever_it_says_is_nothing_or_at_most_a_day(value: str) -> None:
    seconds = retry_after_seconds(value, now=NOON)
    assert seconds is None or 0 <= seconds <= LONGEST_SECONDS


@given(st.integers(min_value=0))
def test_seconds_are_taken_as_they_are_up_to_a_day(seconds: int) -> None:
    assert retry_after_seconds(str(seconds), now=NOON) == min(seconds, LONGEST_SECONDS)


@given(st.integers(min_value=1, max_value=10**9))
def test_a_date_and_its_distance_in_seconds_ask_for_the_same(seconds: int) -> None:
    date = format_datetime(NOON + timedelta(seconds=seconds), usegmt=True)
    assert retry_after_seconds(date, now=NOON) == retry_after_seconds(str(seconds), now=NOON)
