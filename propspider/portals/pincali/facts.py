"""Rooms, areas, floor, year and condition of a detail page, from its summary block, data rows and icons, in this order."""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from propspider.fields import area, counts
from propspider.fields.reading import key
from propspider.portals.pincali import markup
from propspider.portals.pincali.markup import Json


@dataclass
class Facts:
    """Fields of PropertyItem under their own names. `features` are all feature texts as shown; None without the section."""

    bedrooms: int | None = None
    bathrooms: int | None = None
    half_bathrooms: int | None = None
    parking_spaces: int | None = None
    total_area_m2: Decimal | None = None
    covered_area_m2: Decimal | None = None
    lot_size_m2: Decimal | None = None
    floor_number: int | None = None
    total_floors: int | None = None
    age_years: int | None = None
    construction_year: int | None = None
    condition: str | None = None
    features: tuple[str, ...] | None = None

    def fill(self, name: str, value: Any) -> None:
        """The first source to say something is kept."""
        if getattr(self, name) is None:
            setattr(self, name, value)


_NAMES = frozenset(field.name for field in fields(Facts))
_BLOCK: dict[str, tuple[str, Callable[[object], object]]] = {
    "Bedrooms": ("bedrooms", counts.read_count),
    "Bathrooms": ("bathrooms", counts.read_count),
    "Half Bathrooms": ("half_bathrooms", counts.read_count),
    "Parking Spaces": ("parking_spaces", counts.read_count),
    "Area M2": ("covered_area_m2", area.square_meters),
    "Lot Size M2": ("lot_size_m2", area.square_meters),
}
_ICONS = {
    "fa-bed": "bedrooms",
    "fa-bath": "bathrooms",
    "fa-car": "parking_spaces",
    "fa-cube": "covered_area_m2",
    "fa-expand": "lot_size_m2",
    "fa-building": "floor_number",
    "fa-calendar": "construction_year",
}
_ROWS = {
    "operation": ("operacion", "operation", "tipo de operacion"),
    "property_type": ("tipo de inmueble", "property type", "tipo"),
    "neighborhood": ("colonia", "neighborhood"),
    "city": ("ciudad", "municipio", "alcaldia", "city"),
    "state": ("estado", "state"),
    "street": ("calle", "direccion", "street"),
    "postal_code": ("codigo postal", "postal code", "zip code"),
    "bedrooms": ("recamaras", "bedrooms"),
    "bathrooms": ("banos", "bathrooms"),
    "half_bathrooms": ("medios banos", "half bathrooms", "half baths"),
    "parking_spaces": ("estacionamientos", "parking spaces", "parking"),
    "covered_area_m2": ("construccion", "m2 de construccion", "superficie construida", "construction", "built area"),
    "lot_size_m2": ("terreno", "m2 de terreno", "superficie de terreno", "lot size"),
    "total_area_m2": ("superficie total", "total space", "total area"),
    "floor_number": ("piso", "floor"),
    "total_floors": ("pisos", "niveles", "floors", "levels"),
    "construction_year": ("ano de construccion", "year built"),
    "age_years": ("antiguedad", "edad", "age"),
    "condition": ("condicion", "estado de conservacion", "condition"),
}
_ROW_OF = {label: name for name, labels in _ROWS.items() for label in labels}
_TOTAL = re.compile(r"\btotal\b")
_LOT = re.compile(r"\b(?:lot|terreno|land)\b")
_BUILT = re.compile(r"\b(?:construccion|construidos?|construction|built|covered|cubiertos?)\b")


def read_rows(tree: LexborHTMLParser) -> dict[str, str]:
    """`field → value` of the data rows whose label is known; the value "" where it is blank. The first of a label counts."""
    rows: dict[str, str] = {}
    for row in tree.css("li.listing__data-row"):
        cells = [markup.line(span) or "" for span in row.iter() if span.tag == "span"]
        name = _ROW_OF.get(key(cells[0]).strip(" :")) if len(cells) >= 2 else None
        if name:
            rows.setdefault(name, cells[1])
    return rows


def read_facts(tree: LexborHTMLParser, block: Json, rows: dict[str, str], warnings: list[str]) -> Facts:
    facts = Facts()
    for label, (name, convert) in _BLOCK.items():
        facts.fill(name, convert(block.get(label)))
    for name, value in rows.items():
        if name in _NAMES:
            _read(facts, name, value, warnings)
    section = tree.css_first(".listing__features")
    if section is not None:
        _read_icons(facts, section, warnings)
    return facts


def _read_icons(facts: Facts, section: LexborNode, warnings: list[str]) -> None:
    texts: list[str] = []
    for node in section.css(".feature-icon"):
        if text := markup.line(node):
            texts.append(text)
            _read(facts, _field_of(node, text), text, warnings)
    facts.features = tuple(texts) or None


def _field_of(node: LexborNode, text: str) -> str | None:
    """What the icon stands for; an area's own words go before its icon. None for an icon that only decorates a text."""
    words = key(text)
    icon = node.css_first("i")
    name = next((_ICONS[one] for one in (markup.classes(icon) if icon is not None else ()) if one in _ICONS), None)
    if name in {"covered_area_m2", "lot_size_m2", None} and area.read_area(text).value is not None:
        if _LOT.search(words):
            return "lot_size_m2"
        if _BUILT.search(words):
            return "covered_area_m2"
    return name


def _read(facts: Facts, name: str | None, text: str, warnings: list[str]) -> None:
    if name is None:
        facts.fill("condition", counts.read_condition(text).value)
    elif name.endswith("_m2"):
        _read_area(facts, name, text, warnings)
    elif name in {"construction_year", "condition"}:
        _read_year(facts, name, text, warnings)
    else:
        _read_counts(facts, name, text, warnings)


def _read_area(facts: Facts, name: str, text: str, warnings: list[str]) -> None:
    reading = area.read_area(text)
    if reading.unknown:
        warnings.append("area/unknown")
    facts.fill(name, reading.value)
    if name == "covered_area_m2" and _TOTAL.search(key(text)):
        # "425 m² total space" stands beside the icon of the built area.
        facts.fill("total_area_m2", reading.value)


def _read_year(facts: Facts, name: str, text: str, warnings: list[str]) -> None:
    condition = counts.read_condition(text).value
    if name == "condition":
        facts.fill("condition", condition or text)
        return
    year = counts.read_year(text)
    if year.unknown:
        warnings.append("construction_year/unknown")
    facts.fill("condition", condition)
    facts.fill("construction_year", year.value)


def _read_counts(facts: Facts, name: str, text: str, warnings: list[str]) -> None:
    reading = counts.read_counts(text, of=name)
    if reading.unknown:
        warnings.append(f"{name}/unknown")
    for field_name, value in vars(reading.value).items() if reading.value else ():
        facts.fill(field_name, value)
