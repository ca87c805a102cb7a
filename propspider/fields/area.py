"""Area texts → m²."""

import re
from decimal import Decimal

from propspider.fields import number
from propspider.fields.reading import MAX_TEXT, Reading, plain

LIMIT = Decimal(10) ** 10
"""Areas are above 0 and below this, in m²."""

_UNITS = {
    "square_meter": Decimal(1),
    "hectare": Decimal(10_000),
    "square_foot": Decimal("0.09290304"),
    "acre": Decimal("4046.8564224"),
}
_AREA = re.compile(
    rf"""
    (?<![\w.,'’⁄?/-])(?P<sign>-\ ?)?(?P<number>{number.PATTERN})\ ?
    (?: (?P<square_meter>(?:m2|m\^2|mts?\.?\ ?2|metros?\ cuadrados?|square\ met(?:er|re)s?|sq\.?\ ?m|sqm|kvm))
      | (?P<hectare>(?:ha|has|hect[aá]reas?|hectares?))
      | (?P<square_foot>(?:ft2|sq\.?\ ?ft|sqft|square\ feet|pies\ cuadrados))
      | (?P<acre>acres?)
    )(?!\w)
    """,
    re.VERBOSE,
)
_UNIT = re.compile(r"(?<![a-z])(?:m2|m\^2|mts?2|metros? cuadrados?|sqm|ha|hect[aá]reas?|sqft|ft2)(?!\w)")


def read_area(text: str | None, *, decimal_mark: str = ".") -> Reading[Decimal]:
    """m². `decimal_mark` settles `1.000`; a text without a unit of area ("20 m de largo") holds none; two areas are unknown."""
    if text is None or len(text) > MAX_TEXT:
        return Reading()
    line = plain(text)
    found = list(_AREA.finditer(line))
    if not found:
        return Reading(unknown=text) if _UNIT.search(line) else Reading()
    values = {_square_meters(match, decimal_mark) for match in found}
    value = values.pop() if len(values) == 1 else None
    return Reading(unknown=text) if value is None else Reading(value)


def square_meters(value: object) -> Decimal | None:
    """A machine-written area (JSON, attribute) in m², within bounds."""
    parsed = number.machine(value)
    return None if parsed is None else _bounded(parsed)


def _square_meters(match: re.Match[str], decimal_mark: str) -> Decimal | None:
    value = number.written(match["number"], decimal_mark=decimal_mark)
    if value is None or match["sign"]:
        return None
    return _bounded(value * next(size for name, size in _UNITS.items() if match[name]))


def _bounded(value: Decimal) -> Decimal | None:
    if not 0 < value < LIMIT:
        return None
    hundredths = number.rounded(value)
    return hundredths if 0 < hundredths < LIMIT else None
