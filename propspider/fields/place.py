"""Place lines and coordinates. Names are cut at commas only: hyphens, "de" and digits belong to them."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from propspider.fields.reading import MAX_TEXT, Reading, key
from propspider.fields.text import clean_line
from propspider.fields.vocabulary import type_words

_PREPOSITION = re.compile(r"\s(?:in|en|em)\s", re.IGNORECASE)
_OWN_POSTAL_CODE = re.compile(r"[0-9]{5}")
_LABELLED_POSTAL_CODE = re.compile(
    r"(?<!\w)(?:c\.? ?p\.?|c[oó]digo postal|zip(?: code)?|postal code)[ :.#]*([0-9]{5})(?![0-9])", re.IGNORECASE
)
_DEGREES = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]{1,20})?")
_QUERY_PAIR = re.compile(r"\s*([+-]?[0-9.]+)[,\s]+([+-]?[0-9.]+)\s*")


class Coordinates(NamedTuple):
    latitude: float
    longitude: float


@dataclass(frozen=True, kw_only=True)
class Place:
    """`type_label` is what stands before the preposition of a card's line, e.g. `House` of "House in …"."""

    type_label: str | None = None
    street: str | None = None
    neighborhood: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None


def read_card_line(text: str | None) -> Place:
    """`<Type> in <neighborhood>, <city>`; the state is not on the line. One name alone is the city."""
    line = clean_line(text)
    if not line or len(line) > MAX_TEXT:
        return Place()
    label, names = _split_type(line)
    parts = _parts(names)
    if not parts:
        return Place(type_label=label)
    return Place(type_label=label, neighborhood=", ".join(parts[:-1]) or None, city=parts[-1])


def read_address(text: str | None, *, neighborhood: str | None = None, city: str | None = None) -> Place:
    """`[street,] neighborhood, city, state`, read from the right, or around the city where it is known from elsewhere.

    A line of one name, or one that lacks the known city, tells nothing but its postal code.
    """
    line = clean_line(text)
    if not line or len(line) > MAX_TEXT:
        return Place()
    line, postal_code = _without_postal_code(line)
    parts = _parts(line)
    at = _city_index(parts, city)
    if at is None:
        return Place(postal_code=postal_code)
    before = parts[:at]
    known = _index(before, neighborhood)
    cut = known if known is not None else max(at - 1, 0)
    return Place(
        street=", ".join(before[:cut]) or None,
        neighborhood=", ".join(before[cut:]) or None,
        city=parts[at],
        state=", ".join(parts[at + 1 :]) or None,
        postal_code=postal_code,
    )


def read_postal_code(text: str | None) -> str | None:
    """Five digits, alone or labelled; never five digits out of a longer text."""
    line = clean_line(text)
    if not line or len(line) > MAX_TEXT:
        return None
    return _without_postal_code(line)[1]


def read_coordinates(latitude: object, longitude: object) -> Reading[Coordinates]:
    """Degrees. Out of range, unreadable or exactly 0,0 is unknown."""
    if not latitude and not longitude and latitude != 0 and longitude != 0:
        return Reading()
    north, east = _degrees(latitude), _degrees(longitude)
    valid = north is not None and east is not None and abs(north) <= 90 and abs(east) <= 180 and (north, east) != (0, 0)
    if not valid or north is None or east is None:
        return Reading(unknown=f"{latitude!s:.40},{longitude!s:.40}")
    return Reading(Coordinates(north, east))


def read_map_url(url: str | None) -> Reading[Coordinates]:
    """Coordinates in the `q` (or `query`, `ll`, `center`) of a map's URL: `q=32.58,-115.47` or `q=32.58+-115.47`."""
    if not url:
        return Reading()
    try:
        query = parse_qs(urlsplit(url).query)
    except ValueError:
        return Reading(unknown=url[:MAX_TEXT])
    for name in ("q", "query", "ll", "center"):
        if (values := query.get(name)) and (pair := _QUERY_PAIR.fullmatch(values[0])):
            return read_coordinates(pair[1], pair[2])
    return Reading()


def _split_type(line: str) -> tuple[str | None, str]:
    if words := type_words(line):
        parts = line.split(" ")
        return " ".join(parts[:words]), " ".join(parts[words + 1 :])
    first = _PREPOSITION.search(line)
    if first is None or "," in line[: first.start()]:
        return None, line
    return line[: first.start()], line[first.end() :]


def _parts(line: str) -> list[str]:
    return [part for part in (piece.strip() for piece in line.split(",")) if part]


def _without_postal_code(line: str) -> tuple[str, str | None]:
    if labelled := _LABELLED_POSTAL_CODE.search(line):
        return line[: labelled.start()] + line[labelled.end() :], labelled[1]
    parts = _parts(line)
    own = next((part for part in reversed(parts) if _OWN_POSTAL_CODE.fullmatch(part)), None)
    return ", ".join(part for part in parts if part != own), own


def _city_index(parts: list[str], city: str | None) -> int | None:
    """The last part but the state; where the city is known, the rightmost part of its name, if possible before the last."""
    if city is None:
        return len(parts) - 2 if len(parts) >= 2 else None
    last_but_state = _index(parts[:-1], city)
    return last_but_state if last_but_state is not None else _index(parts, city)


def _index(parts: list[str], name: str | None) -> int | None:
    wanted = key(name) if name else None
    return next((at for at in range(len(parts) - 1, -1, -1) if key(parts[at]) == wanted), None)


def _degrees(value: object) -> float | None:
    if isinstance(value, Decimal) and not value.is_nan():
        value = float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if abs(value) <= 180 else None
    if isinstance(value, str) and _DEGREES.fullmatch(value.strip()):
        return float(value.strip())
    return None
