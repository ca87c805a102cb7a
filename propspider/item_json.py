"""Items as JSON: what `portal try --json` and `crawl detail -a url=` print, and what an error row keeps of a rejected item."""

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any

import attrs

from propspider.items import DATA_FIELDS, ManifestPage, Offer, PropertyItem, primary_offer

_OFFER_KEYS = ("operation", "amount", "currency", "unit", "kind", "amount_max")
_ENTRY_KEYS = ("property_id", "source_url", "title", "latitude", "longitude", "exact_location", "property_type", "internal_id")


def plain(value: Any) -> Any:
    """Only dicts, lists, strings, numbers, booleans and None: finite decimals as numbers, moments as ISO 8601, sets sorted."""
    match value:
        case Enum():
            simple: Any = value.value
        case float() | Decimal() if not isfinite(value):
            simple = str(value)
        case Decimal():
            simple = int(value) if value == value.to_integral_value() else float(value)
        case datetime() | date():
            simple = value.isoformat()
        case dict():
            simple = {str(key): plain(item) for key, item in value.items()}
        case set() | frozenset():
            simple = sorted(plain(item) for item in value)
        case list() | tuple():
            simple = [plain(item) for item in value]
        case _ if attrs.has(type(value)):
            simple = {field.name: plain(getattr(value, field.name)) for field in attrs.fields(type(value))}
        case _:
            simple = value
    return simple


def detail_json(item: PropertyItem) -> dict[str, Any]:
    """One flat object by live's column names, with `offers` and the scalar price of the primary one."""
    flat = {name: plain(getattr(item, name)) for name in DATA_FIELDS if name != "offers"}
    primary = primary_offer(item.offers)
    total = primary is not None and primary.unit.value == "total"
    flat["operation_type"] = plain(primary.operation) if primary else None
    flat["price"] = plain(primary.amount) if primary and total else None
    flat["currency"] = primary.currency if primary else None
    flat["offers"] = [_offer(offer) for offer in item.offers]
    flat["stated_empty"] = plain(item.stated_empty)
    flat["warnings"] = list(item.warnings)
    return flat


def listing_json(page: ManifestPage) -> dict[str, Any]:
    return {
        "entries": [
            {**{key: plain(getattr(entry, key)) for key in _ENTRY_KEYS}, "offers": [_offer(offer) for offer in entry.offers]}
            for entry in page.entries
        ],
        "stated_total": page.stated_total,
        "page": page.page,
        "next_page": page.next_page,
        "cards": page.cards,
        "problems": plain(page.problems),
        "warnings": list(page.warnings),
    }


def _offer(offer: Offer) -> dict[str, Any]:
    return {key: plain(getattr(offer, key)) for key in _OFFER_KEYS}
