"""The simulated portal's pages as bytes, in Pincali's markup. A path's page never changes for one world."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from propspider.items import Operation
from propspider.lab import texts
from propspider.lab.catalogue import Bilingual, Language
from propspider.lab.texts import Layout
from propspider.lab.world import Listing, World

SITE = "https://www.pincali.com"
LOGIN_PATH = "/en/account/authentication/new"
CARD_IMAGES = 10
SIMILAR_CARDS = 3
CACHED_PAGES = 4096

LISTING_ROOTS: Mapping[Language, str] = {"en": "/en/properties", "es": "/inmuebles"}
DETAIL_ROOTS: Mapping[Language, str] = {"en": "/en/home", "es": "/inmueble"}


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
_SCOPE_OF = {scope.operation: scope for scope in SCOPES}


def detail_layout(listing: Listing) -> Layout:
    """The layout of the scope of its first offer."""
    return _SCOPE_OF[listing.offers[0].operation].layout


class Pages:
    """Rendered pages of one world; the last 4,096 are kept."""

    def __init__(self, world: World, *, page_size: int, page_cap: int | None) -> None:
        self.world = world
        self.page_size = page_size
        self.page_cap = page_cap
        self.listing: Callable[[Scope, Language, int], bytes | None] = lru_cache(CACHED_PAGES)(self._listing)
        self.detail: Callable[[str, Language], bytes | None] = lru_cache(CACHED_PAGES)(self._detail)
        self.plain: Callable[[str, Language], bytes] = lru_cache(CACHED_PAGES)(self._plain)
        self._environment = Environment(
            loader=PackageLoader("propspider.lab"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}

    def _render(self, template: str, language: Language, **values: Any) -> bytes:
        def said(english: str, spanish: str) -> str:
            return Bilingual(english, spanish).said(language)

        values |= {"language": language, "said": said, "site": SITE, "login_path": LOGIN_PATH, "scopes": SCOPES}
        return self._environment.get_template(template).render(values).encode()

    def _plain(self, template: str, language: Language) -> bytes:
        return self._render(template, language)

    def _listing(self, scope: Scope, language: Language, page: int) -> bytes | None:
        """None past the end or the cap."""
        listings = self.world.by_operation[scope.operation]
        last = max(1, -(-len(listings) // self.page_size))
        if not 1 <= page <= last or (self.page_cap is not None and page > self.page_cap):
            return None
        shown = listings[(page - 1) * self.page_size : page * self.page_size]
        path = scope.path(language)
        return self._render(
            "listing.html",
            language,
            scope=scope,
            path=path,
            alternate={other: scope.path(other) for other in LISTING_ROOTS},
            cards=[card(listing, scope.layout, language) for listing in shown],
            total=len(listings),
            page=page,
            last=last,
            previous_href=path if page <= 2 else f"{path}?page={page - 1}",
            next_href=f"{path}?page={min(page + 1, last)}" if last > 1 else path,
        )

    def _detail(self, slug: str, language: Language) -> bytes | None:
        """None for an unknown slug."""
        listing = self.world.by_slug.get(slug)
        if listing is None:
            return None
        layout = detail_layout(listing)
        return self._render(
            "detail.html",
            language,
            listing=listing,
            layout=layout,
            card=card(listing, layout, language),
            scope=_SCOPE_OF[listing.offers[0].operation],
            alternate={other: f"{root}/{slug}" for other, root in DETAIL_ROOTS.items()},
            tracked=json.dumps(_tracked(listing, layout), ensure_ascii=False),
            published=json.dumps({"language": language, "date": listing.published_at.isoformat()}),
            published_ago=texts.ago_text(self.world.now - listing.published_at, language),
            features=texts.detail_features(listing, language),
            similar=[card(other, layout, language) for other in self._similar(listing)],
        )

    def _similar(self, listing: Listing) -> list[Listing]:
        """The next older listings of the same operation, around the end."""
        siblings = self.world.by_operation[listing.offers[0].operation]
        start = siblings.index(listing) + 1
        return [*siblings[start:], *siblings[: start - 1]][:SIMILAR_CARDS]


def card(listing: Listing, layout: Layout, language: Language) -> dict[str, Any]:
    """What a card shows, worded. In the new-construction scope a card does not state its operation."""
    return {
        "listing": listing,
        "tag": "li" if layout is Layout.OF_2025 else "div",
        "has_id": layout is Layout.OF_2026,
        "href": f"{DETAIL_ROOTS[language]}/{listing.slug}",
        "title": listing.title.said(language),
        "kind": texts.type_text(listing, language),
        "location": texts.location_text(listing, language),
        "features": texts.card_features(listing, language),
        "images": [f"{url.replace('?', '?height=300&')}&width=450" for url in listing.image_urls[:CARD_IMAGES]],
        "prices": [
            {
                "text": texts.price_text(offer, layout, language),
                "operation": texts.operation_text(offer, language),
                "is_stated": offer.operation is not Operation.NEW_CONSTRUCTION,
            }
            for offer in listing.offers
        ],
        "json_ld": _json_ld(listing, language) if layout is Layout.OF_2026 else None,
    }


def _json_ld(listing: Listing, language: Language) -> dict[str, Any]:
    url = f"{SITE}{DETAIL_ROOTS[language]}/{listing.slug}"
    offers = [
        {"@type": "Offer", "price": float(offer.amount), "priceCurrency": offer.currency}
        for offer in listing.offers
        if offer.amount is not None
    ]
    area = listing.built_m2 or listing.lot_m2
    block: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "RealEstateListing",
        "@id": url,
        "url": url,
        "name": listing.title.said(language),
        "description": listing.description.said(language)[:160],
        "image": listing.image_urls[0],
        "category": texts.type_text(listing, language),
        "datePosted": listing.published_at.isoformat(),
        "offers": offers[0] if len(offers) == 1 and offers[0]["priceCurrency"] == "USD" else offers,
        "address": {
            "@type": "PostalAddress",
            "addressLocality": listing.place.city,
            "addressRegion": listing.place.state,
            "addressCountry": "MX",
        },
    }
    if area:
        block["floorSize"] = {"@type": "QuantitativeValue", "value": float(area), "unitCode": "MTK"}
    return block


def _tracked(listing: Listing, layout: Layout) -> dict[str, Any]:
    """The analytics block, in English on every page."""
    block: dict[str, Any] = {
        "Property ID": listing.public_id,
        "State": listing.place.state,
        "City": listing.place.city,
        "Type": texts.type_text(listing, "en"),
        "Rental": Operation.RENT in listing.operations,
        "Sale": listing.operations != {Operation.RENT},
    }
    if layout is Layout.OF_2026:
        block |= {
            "Neighborhood": listing.neighborhood,
            "Property Type": texts.type_text(listing, "en"),
            "Operation Type": texts.operation_text(listing.offers[0], "en"),
            "Bedrooms": listing.bedrooms,
            "Bathrooms": listing.bathrooms,
            "Parking Spaces": listing.parking_spaces,
            "Area M2": float(listing.built_m2) if listing.built_m2 else None,
        }
    return block
