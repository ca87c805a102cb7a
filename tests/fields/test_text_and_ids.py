import pytest
from hypothesis import given
from hypothesis import strategies as st

from propspider.fields import listing_id
from propspider.fields.number import written
from propspider.fields.text import clean, clean_line, storable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        (" \x00 ", None),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a \n\n\n\n b", "a\n\nb"),
        ("a\x00\ud800\u202eb", "ab"),
        ("Potosi\u0301", "Potosí"),
    ],
)
def test_clean(text: str | None, expected: str | None) -> None:
    assert clean(text) == expected


def test_a_line_has_no_breaks() -> None:
    assert clean_line(" a\n\n b\xa0c ") == "a b c"
    assert clean_line("\n") is None


def test_storable_cleans_every_string_and_key() -> None:
    assert storable({"a\x00": ["b\ud800", ("c\x07",), 5, None]}) == {"a": ["b", ["c"], 5, None]}


@given(st.text())
def test_cleaned_text_can_be_stored_and_stays_as_it_is(text: str) -> None:
    cleaned = clean(text)
    if cleaned is not None:
        cleaned.encode()
        assert "\x00" not in cleaned
        assert clean(cleaned) == cleaned


def test_ids() -> None:
    assert listing_id.property_id("pincali", "EB-AB1234") == "pincali:EB-AB1234"
    provisional = listing_id.provisional_id("pincali", "7001234")
    assert provisional == "pincali:~7001234"
    assert listing_id.is_provisional(provisional)
    assert not listing_id.is_provisional("pincali:EB-AB1234")
    assert listing_id.internal_number(provisional) == "7001234"
    assert listing_id.portal_of(provisional) == "pincali"


@pytest.mark.parametrize("key", ["", "a b", "~5", "a\n", "ñ", "-a", "a" * 121])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError):
        listing_id.property_id("pincali", key)
    with pytest.raises(ValueError):
        listing_id.provisional_id("pincali", key)


@pytest.mark.parametrize("text", ["", "x", "1x", "1.2.3", "1,23.45,6", "1.234.5678", "12345,678.9", "1,234.567,890", "٣", "1.x"])
def test_groups_that_make_no_sense_are_no_number(text: str) -> None:
    assert written(text) is None
