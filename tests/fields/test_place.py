from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from propspider.fields.place import (
    Coordinates,
    Place,
    read_address,
    read_card_line,
    read_coordinates,
    read_map_url,
    read_postal_code,
)
from propspider.fields.reading import Reading


@pytest.mark.parametrize(
    ("line", "label", "neighborhood", "city"),
    [
        ("House in Villa Magna, San Luis Potosí", "House", "Villa Magna", "San Luis Potosí"),
        (
            "House in 4a Etapa - Infonavit 1ro de Mayo, Oaxaca de Juárez",
            "House",
            "4a Etapa - Infonavit 1ro de Mayo",
            "Oaxaca de Juárez",
        ),
        ("Apartment in 25 de Marzo (Sierra Ventana), Monterrey", "Apartment", "25 de Marzo (Sierra Ventana)", "Monterrey"),
        ("House in Condominium in Del Valle, Mérida", "House in Condominium", "Del Valle", "Mérida"),
        ("Casa en condominio en Los Encinos, Tala", "Casa en condominio", "Los Encinos", "Tala"),
        ("Local en centro comercial en Centro, Tala", "Local en centro comercial", "Centro", "Tala"),
        ("Castle in Playa Norte, Carmen", "Castle", "Playa Norte", "Carmen"),
        ("Casa en Tala", "Casa", None, "Tala"),
        ("Playa Norte, Carmen", None, "Playa Norte", "Carmen"),
        ("12345 Street, Carmen", None, "12345 Street", "Carmen"),
    ],
)
def test_a_cards_line(line: str, label: str | None, neighborhood: str | None, city: str) -> None:
    assert read_card_line(line) == Place(type_label=label, neighborhood=neighborhood, city=city)


@pytest.mark.parametrize("line", [None, "", " , ", "x" * 400])
def test_no_card_line(line: str | None) -> None:
    assert read_card_line(line) == Place()
    assert read_address(line) == Place()
    assert read_postal_code(line) is None


def test_an_address_is_read_from_the_right() -> None:
    assert read_address("Las Palmas II, Mexicali, Baja California") == Place(
        neighborhood="Las Palmas II", city="Mexicali", state="Baja California"
    )
    assert read_address("Calle 5, int. 3, Centro, Tala, 45300, Jalisco") == Place(
        street="Calle 5, int. 3", neighborhood="Centro", city="Tala", state="Jalisco", postal_code="45300"
    )
    assert read_address("Tala, Jalisco") == Place(city="Tala", state="Jalisco")
    assert read_address("Jalisco") == Place()


def test_a_known_city_anchors_the_address() -> None:
    assert read_address("Col. Sol, Querétaro, Querétaro", city="queretaro") == Place(
        neighborhood="Col. Sol", city="Querétaro", state="Querétaro"
    )
    assert read_address("Col. Sol, Tala", city="Tala") == Place(neighborhood="Col. Sol", city="Tala")
    assert read_address("A 1, Bis, Col. Sol, Norte, Tala, Jalisco", city="Tala", neighborhood="Bis") == Place(
        street="A 1", neighborhood="Bis, Col. Sol, Norte", city="Tala", state="Jalisco"
    )
    assert read_address("Elsewhere, Jalisco", city="Tala") == Place()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("C.P. 21000", "21000"),
        ("Código Postal: 21000", "21000"),
        ("21000", "21000"),
        ("Km 21000 carretera", None),
        ("CP 210001", None),
    ],
)
def test_a_postal_code_only_where_labelled_or_alone(text: str, expected: str | None) -> None:
    assert read_postal_code(text) == expected


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [
        ("22.1577529", "-101.0538819", Coordinates(22.1577529, -101.0538819)),
        (20, -103.5, Coordinates(20.0, -103.5)),
        (Decimal("20.5"), Decimal("-103"), Coordinates(20.5, -103.0)),
        ("+90", "180", Coordinates(90.0, 180.0)),
        ("0", "-103.5", Coordinates(0.0, -103.5)),
    ],
)
def test_coordinates(latitude: object, longitude: object, expected: Coordinates) -> None:
    assert read_coordinates(latitude, longitude) == Reading(expected)


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [
        ("0", "0.0"),
        (0, 0),
        ("90.1", "0"),
        ("0", "181"),
        ("nan", "1"),
        (float("nan"), 1.0),
        (Decimal("sNaN"), 1),
        (Decimal("1e400"), 1),
        (10**400, 1),
        ("1e1", "1"),
        ("20", None),
        (True, 1.0),
    ],
)
def test_impossible_coordinates_are_unknown(latitude: object, longitude: object) -> None:
    reading = read_coordinates(latitude, longitude)
    assert reading.value is None
    assert reading.unknown


def test_no_coordinates() -> None:
    assert read_coordinates(None, None) == Reading()
    assert read_coordinates("", "") == Reading()


@pytest.mark.parametrize(
    "url",
    ["https://maps.example.com/?&q=32.5+-115.25", "https://maps.example.com/place?key=k&q=32.5,-115.25", "/maps?ll=32.5,-115.25"],
)
def test_coordinates_in_a_maps_url(url: str) -> None:
    assert read_map_url(url).value == Coordinates(32.5, -115.25)


@pytest.mark.parametrize("url", [None, "", "https://maps.example.com/?q=Tala,Jalisco", "https://maps.example.com/"])
def test_a_url_without_coordinates(url: str | None) -> None:
    assert read_map_url(url) == Reading()


@pytest.mark.parametrize("url", ["https://[broken?q=1,2", "https://maps.example.com/?q=95,200"])
def test_a_url_with_broken_coordinates(url: str) -> None:
    reading = read_map_url(url)
    assert reading.value is None
    assert reading.unknown


@given(st.text(), st.text())
@example("", "0\x1f")
def test_no_text_raises(text: str, other: str) -> None:
    read_card_line(text)
    read_address(text, neighborhood=other, city=other)
    read_postal_code(text)
    read_map_url(text)
    read_map_url("https://maps.example.com/?q=" + text)
    found = read_coordinates(text, other).value
    assert found is None or (abs(found.latitude) <= 90 and abs(found.longitude) <= 180)


names = st.text(st.characters(categories=["Lu", "Ll"], max_codepoint=0x17F), min_size=1).map(lambda name: f"x{name}")


@given(names, names, names)
def test_a_written_address_reads_back(neighborhood: str, city: str, state: str) -> None:
    place = read_address(f"{neighborhood}, {city}, {state}")
    again = read_address(f"{place.neighborhood}, {place.city}, {place.state}")
    assert (place.neighborhood, place.city, place.state) == (again.neighborhood, again.city, again.state)
    assert read_card_line(f"House in {place.neighborhood}, {place.city}").city == place.city
