from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from propspider.fields.counts import MAX_COUNT, Counts, read_condition, read_count, read_counts, read_year
from propspider.fields.reading import Reading


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 bedrooms", Counts(bedrooms=2)),
        ("1 bathroom", Counts(bathrooms=1)),
        ("3 bathrooms, 3 half baths", Counts(bathrooms=3, half_bathrooms=3)),
        ("2 recámaras", Counts(bedrooms=2)),
        ("1 baño", Counts(bathrooms=1)),
        ("3 medios baños", Counts(half_bathrooms=3)),
        ("3 baños y 1 medio baño", Counts(bathrooms=3, half_bathrooms=1)),
        ("2.5 baños", Counts(bathrooms=2, half_bathrooms=1)),
        ("2½ bathrooms", Counts(bathrooms=2, half_bathrooms=1)),
        ("4 parking spaces", Counts(parking_spaces=4)),
        ("2 estacionamientos", Counts(parking_spaces=2)),
        ("Sin estacionamiento", Counts(parking_spaces=0)),
        ("Piso 3", Counts(floor_number=3)),
        ("Floor: 12", Counts(floor_number=12)),
        ("3rd floor", Counts(floor_number=3)),
        ("3 floors", Counts(total_floors=3)),
        ("2 niveles", Counts(total_floors=2)),
        ("Recámaras: 3", Counts(bedrooms=3)),
        ("Baños: 2.5", Counts(bathrooms=2, half_bathrooms=1)),
        ("5 años de antigüedad", Counts(age_years=5)),
    ],
)
def test_counts(text: str, expected: Counts) -> None:
    assert read_counts(text) == Reading(expected)


def test_a_bare_number_counts_what_the_caller_says() -> None:
    assert read_counts("3", of="bedrooms") == Reading(Counts(bedrooms=3))
    assert read_counts("2.5", of="bathrooms") == Reading(Counts(bathrooms=2, half_bathrooms=1))
    assert read_counts("3").unknown == "3"
    assert read_counts("3", of="gardens").unknown == "3"


@pytest.mark.parametrize(
    "text", ["many bedrooms", "2.5 bedrooms", "1000 bedrooms", "2 unicorns", "2 bedrooms, 1 moat", "Moats: 3", "x" * 400]
)
def test_what_is_not_counted_here_is_unknown_as_a_whole(text: str) -> None:
    reading = read_counts(text)
    assert reading.value is None
    assert reading.unknown


@pytest.mark.parametrize("text", [None, "", " \n "])
def test_nothing_there(text: str | None) -> None:
    assert read_counts(text) == Reading()
    assert read_year(text) == Reading()
    assert read_condition(text) == Reading()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        ("3", 3),
        (0, 0),
        (Decimal("2.0"), 2),
        (2.5, None),
        (-1, None),
        (MAX_COUNT + 1, None),
        (True, None),
        (None, None),
        ("x", None),
    ],
)
def test_machine_written_counts(value: object, expected: int | None) -> None:
    assert read_count(value) == expected


@pytest.mark.parametrize(
    ("text", "year", "condition"),
    [
        ("Year Built: 2025", 2025, None),
        ("Año de construcción: 1998", 1998, None),
        ("2025", 2025, None),
        ("Year Built: New", None, "New"),
        ("New", None, "New"),
        ("A estrenar", None, "New"),
        ("Condition: New", None, "New"),
    ],
)
def test_year_and_condition(text: str, year: int | None, condition: str | None) -> None:
    assert read_year(text) == Reading(year)
    assert read_condition(text) == Reading(condition)


def test_other_words_after_a_condition_label_stay_as_they_stand() -> None:
    assert read_condition("Condición: Por Remodelar").value == "Por Remodelar"


@pytest.mark.parametrize("text", ["Year Built: soon", "1998 or 2005", "20251"])
def test_an_unreadable_year_is_unknown(text: str) -> None:
    assert read_year(text).unknown == text


@given(st.text() | st.text(alphabet="0123456789., y½²bedroomsbañ:\ud800"), st.sampled_from([None, "bedrooms", "bathrooms"]))
def test_no_text_raises(text: str, of: str | None) -> None:
    counted = read_counts(text, of=of).value
    assert counted is None or all(value is None or 0 <= value <= MAX_COUNT for value in vars(counted).values())
    year = read_year(text).value
    assert year is None or 1500 <= year < 2100
    read_condition(text)


@given(st.integers(min_value=0, max_value=MAX_COUNT))
def test_a_written_count_reads_back(count: int) -> None:
    assert read_counts(f"{count} bedrooms").value == Counts(bedrooms=count)
