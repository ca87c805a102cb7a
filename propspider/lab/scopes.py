"""The listing walks: a scope, and what of it a page shows, by type and state in the path and by price in the query."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlencode

from propspider.items import Operation, PropertyType
from propspider.lab.catalogue import STATES, TYPE_SLUGS, WHOLE_SLUG, Bilingual, Language
from propspider.lab.listing import Listing, slug_of
from propspider.lab.texts import Layout

Filter = Literal["type", "place", "price"]
LISTING_ROOTS: Mapping[Language, str] = {"en": "/en/properties", "es": "/inmuebles"}
PESOS_ID = "10"
"""What the portal calls MXN in `currency_id`."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    operation: Operation
    slug: Bilingual
    title: Bilingual
    layout: Layout = Layout.OF_2026

    def path(self, language: Language) -> str:
        return f"{LISTING_ROOTS[language]}/{self.slug.said(language)}"


SCOPES = (
    Scope(
        operation=Operation.SALE,
        slug=Bilingual("properties-for-sale", "propiedades-en-venta"),
        title=Bilingual("Properties for sale", "Propiedades en venta"),
        layout=Layout.OF_2025,
    ),
    Scope(
        operation=Operation.RENT,
        slug=Bilingual("properties-for-rent", "propiedades-en-renta"),
        title=Bilingual("Properties for rent", "Propiedades en renta"),
    ),
    Scope(
        operation=Operation.FORECLOSURE,
        slug=Bilingual("properties-for-foreclosure", "propiedades-en-remate"),
        title=Bilingual("Properties for foreclosure", "Propiedades en remate"),
    ),
    Scope(
        operation=Operation.NEW_CONSTRUCTION,
        slug=Bilingual("under-construction", "en-construccion"),
        title=Bilingual("Properties under construction", "Propiedades en construcción"),
    ),
)
SCOPE_OF = {scope.operation: scope for scope in SCOPES}

STATE_OF = {slug_of(state): state for state in STATES}
_TYPE_OF: Mapping[Language, Mapping[str, PropertyType | None]] = {
    "en": {WHOLE_SLUG.en: None, **{slug.en: kind for kind, slug in TYPE_SLUGS.items()}},
    "es": {WHOLE_SLUG.es: None, **{slug.es: kind for kind, slug in TYPE_SLUGS.items()}},
}
_DEALS = {Operation.SALE: Bilingual("for-sale", "en-venta"), Operation.RENT: Bilingual("for-rent", "en-renta")}
_IN = Bilingual("in", "en")
_SLUGS: Mapping[Language, re.Pattern[str]] = {
    "en": re.compile(r"(?P<types>.+)-(?P<deal>for-sale|for-rent)(?:-in-(?P<place>.+))?"),
    "es": re.compile(r"(?P<types>.+)-(?P<deal>en-venta|en-renta)(?:-en-(?P<place>.+))?"),
}


@dataclass(frozen=True, kw_only=True)
class Filters:
    """None does not filter. `place` is a state as in URLs; prices are inclusive whole MXN, US$ compared by their value in MXN."""

    property_type: PropertyType | None = None
    place: str | None = None
    price_from: int | None = None
    price_to: int | None = None

    @property
    def has_prices(self) -> bool:
        return self.price_from is not None or self.price_to is not None

    @property
    def query(self) -> list[tuple[str, str]]:
        bounds = [("min_price", self.price_from), ("max_price", self.price_to)]
        stated = [(name, str(bound)) for name, bound in bounds if bound is not None]
        return [("currency_id", PESOS_ID), *stated] if stated else []

    def without(self, ignored: frozenset[Filter]) -> "Filters":
        return Filters(
            property_type=None if "type" in ignored else self.property_type,
            place=None if "place" in ignored else self.place,
            price_from=None if "price" in ignored else self.price_from,
            price_to=None if "price" in ignored else self.price_to,
        )

    def match(self, listing: Listing, operation: Operation) -> bool:
        """A listing without a total price of the operation is in no price range."""
        if self.property_type not in {None, listing.property_type}:
            return False
        if self.place is not None and STATE_OF[self.place] != listing.place.state:
            return False
        if not self.has_prices:
            return True
        pesos = listing.pesos(operation)
        return pesos is not None and (self.price_from or 0) <= pesos and (self.price_to is None or pesos <= self.price_to)


ALL = Filters()


def walk_path(scope: Scope, filters: Filters, language: Language) -> str:
    """Without the query. Only sale and rent are filtered by type and place: KeyError for another."""
    if filters.property_type is None and filters.place is None:
        return scope.path(language)
    types = TYPE_SLUGS[filters.property_type] if filters.property_type else WHOLE_SLUG
    slug = f"{types.said(language)}-{_DEALS[scope.operation].said(language)}"
    if filters.place:
        slug += f"-{_IN.said(language)}-{filters.place}"
    return f"{LISTING_ROOTS[language]}/{slug}"


def walk_href(scope: Scope, filters: Filters, language: Language, page: int) -> str:
    query = [*filters.query, *([("page", str(page))] if page > 1 else [])]
    return walk_path(scope, filters, language) + (f"?{urlencode(query)}" if query else "")


def read_walk(slug: str, query: Mapping[str, str], language: Language) -> tuple[Scope, Filters] | None:
    """None for a slug that names nothing. A price that is no whole number filters nothing."""
    walk = _read_slug(slug, language)
    if walk is None or query.get("currency_id", PESOS_ID) != PESOS_ID:
        return walk
    scope, filters = walk
    return scope, replace(filters, price_from=_whole(query.get("min_price")), price_to=_whole(query.get("max_price")))


def _read_slug(slug: str, language: Language) -> tuple[Scope, Filters] | None:
    for scope in SCOPES:
        if scope.slug.said(language) == slug:
            return scope, ALL
    found = _SLUGS[language].fullmatch(slug)
    if found is None or found["types"] not in _TYPE_OF[language] or (found["place"] and found["place"] not in STATE_OF):
        return None
    operation = next(operation for operation, deal in _DEALS.items() if deal.said(language) == found["deal"])
    return SCOPE_OF[operation], Filters(property_type=_TYPE_OF[language][found["types"]], place=found["place"])


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 15 else None
