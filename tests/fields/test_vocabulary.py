import pytest
from hypothesis import given
from hypothesis import strategies as st

from propspider.fields.reading import Reading
from propspider.fields.vocabulary import read_operation, read_property_type, type_words
from propspider.items import Operation, PropertyType

TYPES = [
    ("Apartment", "Departamento", PropertyType.APARTMENT),
    ("House", "Casa", PropertyType.HOUSE),
    ("House in Condominium", "Casa en condominio", PropertyType.CONDOMINIUM_HOUSE),
    ("Lot", "Terreno", PropertyType.LOT),
    ("Quinta", "Quinta", PropertyType.QUINTA),
    ("Ranch", "Rancho", PropertyType.RANCH),
    ("Villa", "Villa", PropertyType.VILLA),
    ("Building", "Edificio", PropertyType.BUILDING),
    ("Commercial Lot", "Terreno comercial", PropertyType.COMMERCIAL_LOT),
    ("Commercial Storage Unit", "Bodega comercial", PropertyType.COMMERCIAL_STORAGE),
    ("Farm", "Huerta", PropertyType.FARM),
    ("House with Commercial Use", "Casa con uso de suelo", PropertyType.COMMERCIAL_HOUSE),
    ("Office", "Oficina", PropertyType.OFFICE),
    ("Retail Space", "Local comercial", PropertyType.RETAIL),
    ("Shopping Mall Space", "Local en centro comercial", PropertyType.MALL_SPACE),
    ("Industrial Lot", "Terreno industrial", PropertyType.INDUSTRIAL_LOT),
    ("Industrial Warehouse", "Nave industrial", PropertyType.INDUSTRIAL_WAREHOUSE),
    ("Warehouse", "Bodega industrial", PropertyType.WAREHOUSE),
]


@pytest.mark.parametrize(("english", "spanish", "expected"), TYPES)
def test_both_languages_name_every_type(english: str, spanish: str, expected: PropertyType) -> None:
    for label in (english, spanish, english.upper(), f"  {spanish}\n"):
        assert read_property_type(label) == Reading(expected)
    assert type_words(f"{english} in X, Y") == len(english.split())
    assert type_words(f"{spanish} en X, Y") == len(spanish.split())


def test_the_table_is_complete() -> None:
    assert {expected for _, _, expected in TYPES} == set(PropertyType)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("For Sale", Operation.SALE),
        ("En Venta", Operation.SALE),
        ("For Rent", Operation.RENT),
        ("En Renta", Operation.RENT),
        ("rental", Operation.RENT),
        ("Temporary rental", Operation.TEMPORARY_RENT),
        ("Renta temporal", Operation.TEMPORARY_RENT),
        ("Foreclosure", Operation.FORECLOSURE),
        ("Remate", Operation.FORECLOSURE),
        ("Preventa", Operation.NEW_CONSTRUCTION),
        ("En construcción", Operation.NEW_CONSTRUCTION),
    ],
)
def test_operations(label: str, expected: Operation) -> None:
    assert read_operation(label) == Reading(expected)


@pytest.mark.parametrize("label", ["Castle", "PILOT", "houses", "House in"])
def test_a_label_outside_the_vocabulary_is_unknown_never_a_default(label: str) -> None:
    assert read_property_type(label) == Reading(unknown=label)
    assert read_operation(label) == Reading(unknown=label)


@pytest.mark.parametrize("label", [None, "", "  "])
def test_nothing_there(label: str | None) -> None:
    assert read_property_type(label) == Reading()
    assert read_operation(label) == Reading()


@given(st.text())
def test_no_text_raises(text: str) -> None:
    for reading in (read_property_type(text), read_operation(text)):
        assert reading.value is None or reading.unknown is None
    type_words(text)
