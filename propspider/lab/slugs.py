"""The addresses of a living portal's listings: each names its number, so that a million need no index."""

import re
from functools import lru_cache
from uuid import UUID

from propspider.items import Operation, PropertyType
from propspider.lab.catalogue import TYPES, Place
from propspider.lab.listing import slug_words

_TAIL = re.compile(r"-(?:(?P<node>[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})|(?P<number>0|[1-9][0-9]{0,8}))$")
_UUID_EVERY = 8
_SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC834
_NODE = 48


@lru_cache(65_536)
def words(kind: PropertyType, operation: Operation, place: Place, neighborhood: str) -> str:
    return slug_words(TYPES[kind].label.es, operation, place, neighborhood)


def slug(head: str, number: int, renames: int) -> str:
    """One of eight ends with a UUID, as the portal's do. Another for each number of renames."""
    name = f"{head}-bis-{renames}" if renames else head
    if number % _UUID_EVERY:
        return f"{name}-{number}"
    noise = (number + 1) * _SPREAD % (1 << 128) >> _NODE << _NODE
    return f"{name}-{UUID(int=noise | number, version=4)}"


def number_of(text: str) -> int | None:
    """Of any address that the listing ever had; it may be none."""
    found = _TAIL.search(text)
    if found is None:
        return None
    return int(found["node"].replace("-", "")[-12:], 16) if found["node"] else int(found["number"])
