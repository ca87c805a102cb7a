"""The simulated portal's pages as bytes, in Pincali's markup; of a world that stands still, a path's page never changes."""

import json
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from itertools import chain, islice
from typing import Any, Protocol

from attrs import frozen
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from propspider.items import Operation
from propspider.lab import sitemap, texts
from propspider.lab.catalogue import Bilingual, Language
from propspider.lab.listing import Standing
from propspider.lab.scopes import (
    ALL,
    LISTING_ROOTS,
    SCOPE_OF,
    SCOPES,
    STATE_OF,
    Filter,
    Filters,
    Scope,
    walk_href,
    walk_path,
)
from propspider.lab.texts import Layout
from propspider.lab.world import Listing, World

SITE = "https://www.pincali.com"
LOGIN_PATH = "/en/account/authentication/new"
CARD_IMAGES = 10
SIMILAR_CARDS = 3
CACHED_PAGES = 4096

DETAIL_ROOTS: Mapping[Language, str] = {"en": "/en/home", "es": "/inmueble"}

SOLD_TEXT = Bilingual("This property has been sold", "Esta propiedad ya se vendió")
WITHDRAWN_TEXT = Bilingual("The owner has withdrawn this property", "El propietario retiró esta propiedad")
"""What the page of a listing that is sold or withdrawn says, and no other page does."""
_BANNERS = {Standing.SOLD: SOLD_TEXT, Standing.WITHDRAWN: WITHDRAWN_TEXT}


def detail_layout(listing: Listing) -> Layout:
    """The layout of the scope of its first offer."""
    return SCOPE_OF[listing.offers[0].operation].layout


@frozen
class Moved:
    """An answer that is elsewhere: `path` on the portal."""

    path: str
    status: int = 302


class Served(Protocol):
    """What the server asks for its answers. Bodies are None where there is no such page."""

    def listing(self, scope: Scope, language: Language, page: int, filters: Filters = ALL) -> bytes | None: ...

    def detail(self, slug: str, language: Language) -> bytes | Moved | None: ...

    def sitemap_index(self, base: str, size: int) -> bytes: ...

    def sitemap_part(self, number: int, root: str, size: int) -> bytes | None: ...


class Pages:
    """Rendered pages of one world; the last 4,096 of a kind are kept. `ignores`: filters that change nothing."""

    def __init__(self, world: World, *, page_size: int, page_cap: int | None, ignores: frozenset[Filter] = frozenset()) -> None:
        self.world = world
        self.page_size = page_size
        self.page_cap = page_cap
        self.ignores = ignores
        self._rendered: Callable[[Scope, Language, int, Filters], bytes | None] = lru_cache(CACHED_PAGES)(self._listing)
        self._detailed: Callable[[str, Language], bytes | None] = lru_cache(CACHED_PAGES)(self._detail)
        self.listed: Callable[[Scope, Filters], tuple[Listing, ...]] = lru_cache(CACHED_PAGES)(self._listed)

    def sitemap_index(self, base: str, size: int) -> bytes:
        return sitemap.index(len(self.world.shown), self.world.now, base=base, size=size)

    def sitemap_part(self, number: int, root: str, size: int) -> bytes | None:
        listings = self.world.shown[(number - 1) * size : number * size] if number >= 1 else ()
        return sitemap.part([(f"{root}/{listing.slug}", listing.published_at) for listing in listings])

    def _listed(self, scope: Scope, filters: Filters) -> tuple[Listing, ...]:
        effective = filters.without(self.ignores)
        listings = self.world.by_operation[scope.operation]
        return tuple(one for one in listings if effective.match(one, scope.operation)) if effective != ALL else listings

    def listing(self, scope: Scope, language: Language, page: int, filters: Filters = ALL) -> bytes | None:
        """None past the end or the cap."""
        return self._rendered(scope, language, page, filters)

    def _listing(self, scope: Scope, language: Language, page: int, filters: Filters) -> bytes | None:
        listings = self.listed(scope, filters)
        last = last_page(len(listings), self.page_size)
        if not 1 <= page <= last or (self.page_cap is not None and page > self.page_cap):
            return None
        shown = listings[(page - 1) * self.page_size : page * self.page_size]
        cards = [card_block(listing, scope.layout, language) for listing in shown]
        return listing_page(scope, language, page, filters, cards=cards, total=len(listings), last=last)

    def detail(self, slug: str, language: Language) -> bytes | None:
        """None for an unknown slug."""
        return self._detailed(slug, language)

    def _detail(self, slug: str, language: Language) -> bytes | None:
        listing = self.world.by_slug.get(slug)
        if listing is None:
            return None
        days = (self.world.now - listing.published_at).days
        return detail_page(listing, language, days=days, similar=self._similar(listing))

    def _similar(self, listing: Listing) -> list[Listing]:
        """The next older listings of the same operation, around the end."""
        siblings = self.world.by_operation[listing.offers[0].operation]
        start = bisect_right(siblings, -listing.number, key=lambda one: -one.number)
        around = chain(islice(siblings, start, None), islice(siblings, start))
        return [one for one in islice(around, SIMILAR_CARDS + 1) if one.number != listing.number][:SIMILAR_CARDS]


def last_page(total: int, page_size: int) -> int:
    return max(1, -(-total // page_size))


def listing_page(
    scope: Scope, language: Language, page: int, filters: Filters, *, cards: Sequence[str], total: int, last: int
) -> bytes:
    return _render(
        "listing.html",
        language,
        scope=scope,
        path=walk_path(scope, filters, language),
        where=STATE_OF[filters.place] if filters.place else Bilingual("Mexico", "México").said(language),
        is_filtered=filters.has_prices,
        alternate={other: walk_path(scope, filters, other) for other in LISTING_ROOTS},
        cards=Markup("\n".join(cards)),  # noqa: S704 - rendered templates
        total=total,
        page=page,
        last=last,
        previous_href=walk_href(scope, filters, language, page - 1),
        next_href=walk_href(scope, filters, language, min(page + 1, last)),
    ).encode()


def detail_page(listing: Listing, language: Language, *, days: int, similar: Sequence[Listing]) -> bytes:
    """`days` since it was published."""
    layout = detail_layout(listing)
    return _render(
        "detail.html",
        language,
        listing=listing,
        layout=layout,
        banner=banner.said(language) if (banner := _BANNERS.get(listing.standing)) else None,
        card=card(listing, layout, language),
        scope=SCOPE_OF[listing.offers[0].operation],
        alternate={other: f"{root}/{listing.slug}" for other, root in DETAIL_ROOTS.items()},
        tracked=json.dumps(_tracked(listing, layout), ensure_ascii=False),
        published=json.dumps({"language": language, "date": listing.published_at.isoformat()}),
        published_ago=texts.ago_text(days, language),
        features=texts.detail_features(listing, language),
        similar=[card(other, layout, language) for other in similar],
    ).encode()


@cache
def plain_page(template: str, language: Language) -> bytes:
    return _render(template, language).encode()


def card_block(listing: Listing, layout: Layout, language: Language) -> str:
    """A card as a listing page shows it, with its JSON-LD where the layout has that."""
    return _render("card.html", language, card=card(listing, layout, language))


def _render(template: str, language: Language, **values: Any) -> str:
    def said(english: str, spanish: str) -> str:
        return Bilingual(english, spanish).said(language)

    values |= {"language": language, "said": said, "site": SITE, "login_path": LOGIN_PATH, "scopes": SCOPES}
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("propspider.lab"),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    return environment


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
