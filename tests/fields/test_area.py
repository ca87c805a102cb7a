from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from propspider.fields.area import LIMIT, read_area, square_meters
from propspider.fields.reading import Reading


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,225.25 m²", "1225.25"),
        ("1,000 m²", "1000"),
        ("341.25 m²", "341.25"),
        ("800 m² Lot Size", "800"),
        ("425 m² total space", "425"),
        ("601.15 m² de terreno", "601.15"),
        ("Terreno 800 m2", "800"),
        ("1,000,000 mts2", "1000000"),
        ("20 metros cuadrados", "20"),
        ("103\xa0m²", "103"),
        ("2 ha", "20000"),
        ("2½ hectáreas", "25000"),
        ("1,200 sqft", "111.48"),
        ("1 acre", "4046.86"),
        ("80 m2, 80 m2", "80"),
    ],
)
def test_an_area(text: str, expected: str) -> None:
    assert read_area(text) == Reading(Decimal(expected))


@pytest.mark.parametrize("text", [None, "", "20 m de largo", "3 bedrooms", "103", "m3 5", "x" * 400 + " 5 m2"])
def test_a_text_without_a_unit_of_area_holds_no_area(text: str | None) -> None:
    assert read_area(text) == Reading()


@pytest.mark.parametrize("text", ["m²", "-5 m2", "0 m²", "5¼ m²", "20 m2 y 30 m2", "20x30 m2", "1,2,3 m2", "99999999999 m2"])
def test_an_area_that_cannot_be_read_is_unknown(text: str) -> None:
    reading = read_area(text)
    assert reading.value is None
    assert reading.unknown == text


def test_the_decimal_mark_settles_a_lone_separator() -> None:
    assert read_area("59.000 m²").value == Decimal("59")
    assert read_area("59.000 m²", decimal_mark=",").value == Decimal("59000")
    assert read_area("59,5 m²", decimal_mark=",").value == Decimal("59.5")


@pytest.mark.parametrize(
    ("value", "expected"), [(425, "425"), ("140.25", "140.25"), (0, None), (None, None), ("x", None), (10**10, None)]
)
def test_machine_written_areas(value: object, expected: str | None) -> None:
    assert square_meters(value) == (None if expected is None else Decimal(expected))


@given(st.decimals(min_value=Decimal("0.01"), max_value=LIMIT - 1, places=2), st.sampled_from(["m²", "m2", " m²", " mts2"]))
def test_a_written_area_reads_back(area: Decimal, unit: str) -> None:
    assert read_area(f"{area:,.2f}{unit}").value == area
    assert read_area(f"{area:,.2f}".translate(str.maketrans(",.", ".,")) + unit, decimal_mark=",").value == area


@given(st.text() | st.text(alphabet="0123456789., -m²2hax½\u0661\ud800"))
def test_no_text_raises_and_every_area_is_in_bounds(text: str) -> None:
    value = read_area(text).value
    assert value is None or 0 < value < LIMIT
