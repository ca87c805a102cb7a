"""Labels of the closed vocabularies, English and Spanish. A label that is not here is unknown: never a default."""

import re
from typing import TypeVar

from propspider.fields.reading import MAX_TEXT, Reading, key
from propspider.items import Operation, PropertyType

_Value = TypeVar("_Value", PropertyType, Operation)

_TYPES: dict[PropertyType, tuple[str, ...]] = {
    PropertyType.APARTMENT: ("apartment", "departamento", "condo", "flat", "apartamento", "depto"),
    PropertyType.HOUSE: ("house", "casa", "home"),
    PropertyType.CONDOMINIUM_HOUSE: ("house in condominium", "casa en condominio"),
    PropertyType.LOT: ("lot", "terreno", "land", "lote"),
    PropertyType.QUINTA: ("quinta",),
    PropertyType.RANCH: ("ranch", "rancho"),
    PropertyType.VILLA: ("villa",),
    PropertyType.BUILDING: ("building", "edificio"),
    PropertyType.COMMERCIAL_LOT: ("commercial lot", "terreno comercial"),
    PropertyType.COMMERCIAL_STORAGE: ("commercial storage unit", "bodega comercial"),
    PropertyType.FARM: ("farm", "huerta"),
    PropertyType.COMMERCIAL_HOUSE: ("house with commercial use", "casa con uso de suelo"),
    PropertyType.OFFICE: ("office", "oficina"),
    PropertyType.RETAIL: ("retail space", "local comercial", "local"),
    PropertyType.MALL_SPACE: ("shopping mall space", "local en centro comercial"),
    PropertyType.INDUSTRIAL_LOT: ("industrial lot", "terreno industrial"),
    PropertyType.INDUSTRIAL_WAREHOUSE: ("industrial warehouse", "nave industrial"),
    PropertyType.WAREHOUSE: ("warehouse", "bodega industrial", "bodega"),
}
_OPERATIONS: dict[Operation, tuple[str, ...]] = {
    Operation.SALE: ("for sale", "sale", "en venta", "venta"),
    Operation.RENT: ("for rent", "rent", "rental", "en renta", "renta", "en alquiler", "alquiler"),
    Operation.TEMPORARY_RENT: (
        "temporary rental",
        "temporary rent",
        "for temporary rent",
        "for temporary rental",
        "vacation rental",
        "renta temporal",
        "en renta temporal",
        "renta vacacional",
        "temporary_rental",
        "temporal/vacacional",
    ),
    Operation.FORECLOSURE: ("foreclosure", "for foreclosure", "in foreclosure", "remate", "en remate", "remate bancario"),
    Operation.NEW_CONSTRUCTION: (
        "under construction",
        "new construction",
        "new development",
        "pre-sale",
        "presale",
        "preventa",
        "en preventa",
        "en construccion",
        "new_construction",
    ),
}
_TYPE_OF = {label: kind for kind, labels in _TYPES.items() for label in labels}
_OPERATION_OF = {label: operation for operation, labels in _OPERATIONS.items() for label in labels}
_TYPED_PLACE = re.compile(
    rf"(?P<label>{'|'.join(sorted(map(re.escape, _TYPE_OF), key=len, reverse=True))}) (?:in|en|em) (?P<place>.+)"
)


def read_property_type(text: str | None) -> Reading[PropertyType]:
    return _look_up(text, _TYPE_OF)


def read_operation(text: str | None) -> Reading[Operation]:
    return _look_up(text, _OPERATION_OF)


def type_words(text: str) -> int | None:
    """How many words of "House in Condominium in …" are its type's label; None where no known label and preposition begin it."""
    match = _TYPED_PLACE.fullmatch(key(text))
    return len(match["label"].split()) if match else None


def _look_up(text: str | None, table: dict[str, _Value]) -> Reading[_Value]:
    if text is None or not (label := key(text[:MAX_TEXT]).strip(" .:")):
        return Reading()
    value = table.get(label)
    return Reading(unknown=text[:MAX_TEXT]) if value is None else Reading(value)
