"""How the portal's page objects read what a laboratory's portal serves, and what they are to read of a listing."""

from urllib.parse import urlsplit

from web_poet import HttpResponse

from propspider.fields import listing_id
from propspider.items import ManifestEntry, ManifestPage, Operation, PropertyItem
from propspider.lab.catalogue import Language
from propspider.lab.pages import DETAIL_ROOTS, SITE
from propspider.lab.scopes import Scope
from propspider.lab.texts import detail_features
from propspider.lab.world import Listing
from propspider.portals import Judgement, Portal

from .client import Client


def response(site: Client, url: str) -> HttpResponse:
    parts = urlsplit(url)
    answer = site.ask(parts.path + (f"?{parts.query}" if parts.query else ""))
    return HttpResponse(url=url, body=answer.body, status=answer.status, headers=answer.headers)


def expected_entry(listing: Listing, language: Language) -> ManifestEntry:
    return ManifestEntry(
        property_id=listing_id.property_id("pincali", listing.public_id),
        source_url=f"{SITE}{DETAIL_ROOTS[language]}/{listing.slug}",
        title=listing.title.said(language),
        latitude=listing.latitude,
        longitude=listing.longitude,
        exact_location=listing.exact_location,
        offers=listing.offers,
        internal_id=listing.internal_id,
        property_type=listing.property_type,
    )


def expected_item(listing: Listing, language: Language) -> PropertyItem:
    """A page never says that a location is exact, and an English one calls the built area the total space."""
    is_translated = language == "en"
    has_rows = listing.offers[0].operation is not Operation.SALE
    return PropertyItem(
        property_id=listing_id.property_id("pincali", listing.public_id),
        source_url=f"{SITE}{DETAIL_ROOTS[language]}/{listing.slug}",
        title=listing.title.said(language),
        title_original=listing.title.es if is_translated and listing.title.es != listing.title.en else None,
        description=listing.description.said(language),
        description_original=listing.description.es if is_translated else None,
        language=language,
        property_type=listing.property_type,
        offers=listing.offers,
        address=listing.address,
        street=listing.street,
        neighborhood=listing.neighborhood,
        city=listing.place.city,
        state=listing.place.state,
        postal_code=listing.postal_code if has_rows else None,
        country="MX",
        latitude=listing.latitude,
        longitude=listing.longitude,
        exact_location=None if listing.exact_location else False,
        bedrooms=listing.bedrooms,
        bathrooms=listing.bathrooms,
        half_bathrooms=listing.half_bathrooms,
        parking_spaces=listing.parking_spaces,
        total_area_m2=listing.built_m2 if is_translated else None,
        covered_area_m2=listing.built_m2,
        lot_size_m2=listing.lot_m2,
        floor_number=listing.floor_number,
        construction_year=None if listing.is_new else listing.construction_year,
        condition="New" if listing.is_new else None,
        features=tuple(text for _, text in detail_features(listing, language)) or None,
        amenities={group.said(language): [name.said(language) for name in names] for group, names in listing.amenities.items()}
        or None,
        main_image_url=listing.image_urls[0],
        image_urls=listing.image_urls,
        agent_name=listing.agent_name,
        agency_name=listing.agency_name,
        message_url=f"{SITE}/home/{listing.slug}/messages",
        listing_date=listing.published_at.date(),
        published_at=listing.published_at,
        internal_id=listing.internal_id,
    )


def walk(site: Client, portal: Portal, scope: Scope) -> list[ManifestPage]:
    """A plain walk from page 1 by the pages' own next links, up to the first page that is gone."""
    pages: list[ManifestPage] = []
    following: int | None = 1
    while following:
        answer = response(site, portal.page_url(scope.operation.value, following))
        judgement, _ = portal.judge(answer, "listing")
        if judgement is Judgement.GONE:
            break
        assert judgement is Judgement.OK
        pages.append(portal.listing_page(answer, operation=portal.facts.scopes[scope.operation.value].operation))
        following = pages[-1].next_page
    return pages
