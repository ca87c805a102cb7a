"""What a converter returns: a value, nothing, or a text that it does not know."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)

MAX_TEXT = 300
"""Longer texts are prose, not a field; no converter looks at them."""

# NFKC turns 10² into 102 and 2½ into 21⁄2: both would read as other numbers.
_SUPERSCRIPT_AFTER_DIGIT = re.compile("(?<=[0-9])[\u00b2\u00b3\u00b9\u2070-\u2079]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True)
class Reading(Generic[T_co]):
    """`unknown` holds a text that the converter cannot read (to be counted); with neither, there was nothing to read."""

    value: T_co | None = None
    unknown: str | None = None


def plain(text: str) -> str:
    """Case-folded NFKC on one line (full-width digits, m² and non-breaking blanks become ASCII); accents stay."""
    text = _SUPERSCRIPT_AFTER_DIGIT.sub("?", text.replace("½", ".5"))
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return _BLANKS.sub(" ", text.casefold()).strip()


@lru_cache(maxsize=1024)
def key(text: str) -> str:
    """`plain` without accents, for looking words up; cached, as pages repeat their labels."""
    decomposed = unicodedata.normalize("NFD", plain(text))
    return "".join(char for char in decomposed if not unicodedata.combining(char)).strip()
