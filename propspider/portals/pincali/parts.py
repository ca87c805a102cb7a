"""URLs of a scope's parts: type and place in the path, prices in the query.

Only as short parameters: any `search_criteria[…]` discards what the path filters by and shows the whole portal.
"""

from urllib.parse import urlencode

from propspider.items import Part
from propspider.portals.contract import Portal

_ALL_TYPES = "properties"
_PESOS = "10"
"""MXN in `currency_id`."""


def part_url(portal: Portal, scope: str, part: Part) -> str:
    """The first page, such as `…/houses-for-sale-in-jalisco?currency_id=10&max_price=1500000`. Raises KeyError for a type or a
    place that portal.toml does not name.
    """
    split = portal.facts.split
    assert split is not None  # noqa: S101 - portal.toml has one
    types = split.types[part.property_type] if part.property_type else _ALL_TYPES
    place = f"-in-{split.places[part.place]}" if part.place else ""
    bounds = {"min_price": part.price_from, "max_price": part.price_to}
    stated = {name: str(bound) for name, bound in bounds.items() if bound is not None}
    query = f"?{urlencode({'currency_id': _PESOS, **stated})}" if stated else ""
    return f"{portal.facts.base_url}/en/properties/{types}-for-{portal.facts.scopes[scope].operation}{place}{query}"
