import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from propspider.fields.phone import read_phone
from propspider.fields.reading import Reading


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("55 5555 5555", "+525555555555"),
        ("+52 1 55 5555 5555", "+525555555555"),
        ("tel:+525555555555", "+525555555555"),
        ("Tel. 664 555 0100 / 55 5555 5555", "+526645550100"),
        ("+1 (415) 555-0100", "+14155550100"),
    ],
)
def test_a_phone(text: str, expected: str) -> None:
    assert read_phone(text, region="MX") == Reading(expected)


def test_the_region_dials() -> None:
    assert read_phone("(415) 555-0100", region="US").value == "+14155550100"


@pytest.mark.parametrize("text", ["555-0100", "123", "000 000 0000"])
def test_digits_that_are_no_phone_are_unknown(text: str) -> None:
    assert read_phone(text, region="MX").unknown == text


@pytest.mark.parametrize("text", [None, "", "Show phone"])
def test_nothing_there(text: str | None) -> None:
    assert read_phone(text, region="MX") == Reading()


@given(st.text() | st.text(alphabet="0123456789+() -x;=\u0661\uff15\ud800"))
@settings(max_examples=200, deadline=None)
def test_no_text_raises(text: str) -> None:
    value = read_phone(text, region="MX").value
    assert value is None or (value.startswith("+") and value[1:].isdigit())
