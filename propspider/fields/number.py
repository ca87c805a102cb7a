"""Numbers as people and as machines write them; always Decimal, never float."""

import re
from decimal import Decimal

PATTERN = r"(?:[0-9]{1,3}(?:[ ][0-9]{3})+(?![0-9])(?:[.,][0-9]{1,2}(?![0-9.,]))?|[0-9]+(?:[.,'’][0-9]+)*|[.,][0-9]+)"
"""One written number with its separators, in text that went through `reading.plain`; fit for a verbose expression."""

_MACHINE = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?")
_MAX_CHARS = 40


def written(text: str, *, decimal_mark: str | None = None) -> Decimal | None:
    """None when the groups make no sense. A lone separator before exactly three digits groups thousands,
    unless it is the `decimal_mark` of whoever wrote the text.
    """
    text = text.replace(" ", "").replace("'", "").replace("’", "")
    if not text or len(text) > _MAX_CHARS:
        return None
    marks = [char for char in text if char in ".,"]
    if not marks:
        return Decimal(text) if text.isascii() and text.isdigit() else None
    decimal = _decimal_position(text, marks, decimal_mark)
    whole, fraction = (text, "") if decimal is None else (text[:decimal], text[decimal + 1 :])
    groups = re.split("[.,]", whole)
    if len(groups) > 1 and not _is_grouped(groups, whole):
        return None
    digits = "".join(groups)
    if not (digits + fraction).isdigit() or not (digits + fraction).isascii():
        return None
    return Decimal(f"{digits or '0'}.{fraction or '0'}")


def _decimal_position(text: str, marks: list[str], decimal_mark: str | None) -> int | None:
    last = max(text.rfind("."), text.rfind(","))
    if len(set(marks)) == 2:
        return last if marks.count(text[last]) == 1 else None
    if len(marks) > 1:
        return None
    before, after = text[:last], text[last + 1 :]
    looks_grouped = len(after) == 3 and 1 <= len(before) <= 3 and not before.startswith("0")
    if looks_grouped and text[last] != decimal_mark:
        return None
    return last


def _is_grouped(groups: list[str], whole: str) -> bool:
    one_mark = not ("." in whole and "," in whole)
    return one_mark and 1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])


def machine(value: object) -> Decimal | None:
    """A number from JSON or an attribute: non-negative, `.` as its decimal mark, nothing around it."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | Decimal):
        value = format(Decimal(str(value)), "f") if _is_finite(value) else ""
    if not isinstance(value, str):
        return None
    text = value.strip()
    return Decimal(text) if _MACHINE.fullmatch(text) and text.isascii() else None


def _is_finite(value: float | Decimal) -> bool:
    # A huge exponent would be written out as a string of as many digits.
    return Decimal(value).is_finite() and Decimal(value).adjusted() < 18 and Decimal(value).adjusted() > -18


def rounded(value: Decimal, places: int = 2) -> Decimal:
    """At most so many places, without trailing zeros, never in exponent notation: equal values have equal texts."""
    fixed = value.quantize(Decimal(1).scaleb(-places))
    return fixed.to_integral_value() if fixed == fixed.to_integral_value() else fixed.normalize()
