from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from propspider.fields.dates import read_instant, read_relative
from propspider.fields.reading import Reading

MEXICO = timezone(timedelta(hours=-6))
NOW = datetime(2025, 11, 11, 14, 30, tzinfo=MEXICO)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-11-11T14:23:39-06:00", datetime(2025, 11, 11, 14, 23, 39, tzinfo=MEXICO)),
        (" 2026-03-19T23:23:25.179Z ", datetime(2026, 3, 19, 23, 23, 25, 179000, tzinfo=UTC)),
    ],
)
def test_an_instant_keeps_its_offset(text: str, expected: datetime) -> None:
    value = read_instant(text).value
    assert value == expected
    assert value is not None
    assert value.utcoffset() == expected.utcoffset()


@pytest.mark.parametrize("text", ["2025-11-11T14:23:39", "2025-11-11", "2025-13-11T14:23:39Z", "10/11/25", "yesterday"])
def test_an_instant_without_offset_or_sense_is_unknown(text: str) -> None:
    assert read_instant(text) == Reading(unknown=text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hace 3 días", NOW - timedelta(days=3)),
        ("yesterday", NOW - timedelta(days=1)),
        ("ayer", NOW - timedelta(days=1)),
        ("an hour ago", NOW - timedelta(hours=1)),
        ("Published an hour ago", NOW - timedelta(hours=1)),
        ("3 weeks ago", NOW - timedelta(weeks=3)),
        ("hace 2 meses", NOW.replace(month=9)),
        ("hoy", NOW),
    ],
)
def test_a_relative_text_counts_back_from_now(text: str, expected: datetime) -> None:
    value = read_relative(text, now=NOW).value
    assert value == expected
    assert value is not None
    assert value.tzinfo is NOW.tzinfo


@pytest.mark.parametrize(
    "text", ["10/11/25", "House ago", "in 3 days", "ago", "hace " + "9" * 70, "hace 99999999999 años", "ayer\x07 ago"]
)
def test_any_other_text_is_unknown(text: str) -> None:
    reading = read_relative(text, now=NOW)
    assert reading.value is None
    assert reading.unknown


@pytest.mark.parametrize("text", [None, "", "  "])
def test_nothing_there(text: str | None) -> None:
    assert read_instant(text) == Reading()
    assert read_relative(text, now=NOW) == Reading()


@given(st.text() | st.text().map("2025-11-11T14:23:39".__add__))
def test_no_text_raises(text: str) -> None:
    read_instant(text)
    read_relative(text, now=NOW)


relative = st.lists(
    st.sampled_from(["hace", "ago", "3", "-", "un", "día", "days", "months", "99999", "ayer", "at", "25:99", "last", "ha"]),
    max_size=5,
)


@given(relative.map(" ".join))
@settings(max_examples=60, deadline=None)
def test_no_relative_text_raises_or_lies_in_the_future(text: str) -> None:
    value = read_relative(text, now=NOW).value
    assert value is None or value <= NOW


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(MEXICO)))  # noqa: DTZ001
def test_a_written_instant_reads_back(moment: datetime) -> None:
    assert read_instant(moment.isoformat()).value == moment
