"""Room, parking, floor and year texts → small whole numbers."""

import re
from dataclasses import dataclass, fields

from propspider.fields import number
from propspider.fields.reading import MAX_TEXT, Reading, key

MAX_COUNT = 999
_NOUNS = {
    "half_bathrooms": r"half[ -]?bath(?:room)?s?|medios? banos?|lavabos?",
    "bedrooms": r"bed(?:room)?s?|recamaras?|dormitorios?|habitacion(?:es)?|quartos?",
    "bathrooms": r"(?:full )?bath(?:room)?s?|banos?(?: completos?)?|banheiros?",
    "parking_spaces": r"parking(?: (?:spaces?|spots?|lots?))?|estacionamientos?|cajon(?:es)?(?: de estacionamiento)?"
    r"|cocheras?|garages?|cars?|autos?|vagas?",
    "total_floors": r"floors?|stor(?:e?y|ies)|levels?|pisos?|niveles|nivel|plantas?|andares",
    "age_years": r"(?:years?(?: old)?|anos?)(?: de antiguedad)?",
}
_COUNTED = {field: re.compile(rf"([0-9]{{1,3}})(\.5)? ?(?:{noun})(?!\w)") for field, noun in _NOUNS.items()}
_NONE_OF = re.compile(r"(?:no|sin|without) (?P<noun>.+)")
_LABELLED = re.compile(r"(?P<label>[a-z0-9 ./]+?) ?: ?(?P<value>[0-9]{1,3})(?P<half>\.5)?")
_FLOOR = re.compile(
    r"(?:floor(?: number)?|piso|nivel|andar) ?:? ?([0-9]{1,3})"
    r"|([0-9]{1,3}) ?(?:st|nd|rd|th|o|er|°|º) ?(?:floor|piso|nivel)"
    r"|(?:on the |en el )?(?:floor|piso) ([0-9]{1,3})"
)
_YEAR = re.compile(r"(?<![0-9])(1[5-9][0-9]{2}|20[0-9]{2})(?![0-9])")
_CONDITIONS = {
    "new": "New",
    "nuevo": "New",
    "nueva": "New",
    "a estrenar": "New",
    "estrenar": "New",
    "brand new": "New",
}


@dataclass(frozen=True, kw_only=True)
class Counts:
    """None: the text does not speak of it."""

    bedrooms: int | None = None
    bathrooms: int | None = None
    half_bathrooms: int | None = None
    parking_spaces: int | None = None
    floor_number: int | None = None
    total_floors: int | None = None
    age_years: int | None = None


NOUNS = frozenset(field.name for field in fields(Counts))


def read_counts(text: str | None, *, of: str | None = None) -> Reading[Counts]:
    """All counts of a text ("3 bathrooms, 3 half baths"), or none; `of` (a field of Counts) is what a bare number counts."""
    if text is None or not (line := key(text[: MAX_TEXT + 1])):
        return Reading()
    if len(text) > MAX_TEXT:
        return Reading(unknown=text[:MAX_TEXT])
    found: dict[str, int] = {}
    for part in re.split(r" ?(?:[,;+|]| y | and ) ?", line):
        if not (counted := _one(part.strip(), of)):
            return Reading(unknown=text)
        found |= counted
    return Reading(Counts(**found))


def read_count(value: object) -> int | None:
    """A machine-written count (JSON, attribute): a whole number from 0 to MAX_COUNT."""
    parsed = number.machine(value)
    return int(parsed) if parsed is not None and parsed <= MAX_COUNT and parsed == parsed.to_integral_value() else None


def read_year(text: str | None) -> Reading[int]:
    """A construction year from 1500 to 2099, the only one in its text; a text that tells a condition holds no year."""
    if text is None or not (line := key(text[:MAX_TEXT])) or read_condition(text).value:
        return Reading()
    years = set(_YEAR.findall(line))
    return Reading(int(years.pop())) if len(years) == 1 else Reading(unknown=text[:MAX_TEXT])


def read_condition(text: str | None) -> Reading[str]:
    """`New` for "New", "Year Built: New", "Condición: Nuevo"; other words after a condition label are kept as they stand."""
    if text is None or not (line := key(text[:MAX_TEXT])):
        return Reading()
    label, colon, value = line.rpartition(":")
    if known := _CONDITIONS.get(value.strip()):
        return Reading(known)
    if colon and re.fullmatch(r"condition|condicion|estado de conservacion|conservacion", label.strip()):
        return Reading(text[:MAX_TEXT].rpartition(":")[2].strip() or None)
    return Reading()


def _one(part: str, of: str | None) -> dict[str, int]:
    if none_of := _NONE_OF.fullmatch(part):
        return {field: 0 for field, noun in _NOUNS.items() if re.fullmatch(noun, none_of["noun"])}
    if floor := _FLOOR.fullmatch(part):
        return {"floor_number": int(next(group for group in floor.groups() if group))}
    for field, pattern in _COUNTED.items():
        if match := pattern.fullmatch(part):
            return _with_half(field, int(match[1]), half=bool(match[2]))
    if match := _LABELLED.fullmatch(part):
        for field, noun in _NOUNS.items():
            if re.fullmatch(noun, match["label"].strip()):
                return _with_half(field, int(match["value"]), half=bool(match["half"]))
    if of in NOUNS and (bare := re.fullmatch(r"([0-9]{1,3})(\.5)?", part)):
        return _with_half(of, int(bare[1]), half=bool(bare[2]))
    return {}


def _with_half(field: str, count: int, *, half: bool) -> dict[str, int]:
    """2.5 bathrooms are two and a half one; half a bedroom is unknown."""
    if not half:
        return {field: count}
    return {"bathrooms": count, "half_bathrooms": 1} if field == "bathrooms" else {}
