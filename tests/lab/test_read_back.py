"""What the portal's page objects read from the simulated pages is what the world says."""

from urllib.parse import urlsplit

import attrs
import pytest
from web_poet import HttpResponse

from propspider import portals
from propspider.fields import listing_id
from propspider.items import ManifestEntry, ManifestPage, Operation, PropertyItem
from propspider.lab.catalogue import TYPES, Language
from propspider.lab.pages import DETAIL_ROOTS, LOGIN_PATH, SITE
from propspider.lab.scopes import SCOPES, Scope
from propspider.lab.texts import detail_features
from propspider.lab.world import Listing
from propspider.portals import Judgement, Portal

from .client import Site

LANGUAGES: tuple[Language, ...] = ("en", "es")


@pytest.fixture(scope="module")
def portal(site: Site) -> Portal:
    return portals.load("pincali").with_base(site.base_url, allow_private=True)


def response(site: Site, url: str) -> HttpResponse:
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


def walk(site: Site, portal: Portal, scope: Scope) -> list[ManifestPage]:
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


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.operation.value)
def test_a_walk_over_a_scope_reads_every_card_up_to_the_cap(site: Site, portal: Portal, scope: Scope) -> None:
    truth = site.world.by_operation[scope.operation]
    pages = walk(site, portal, scope)
    assert [entry for page in pages for entry in page.entries] == [expected_entry(listing, "en") for listing in truth[:240]]
    assert [page.page for page in pages] == list(range(1, min(10, -(-len(truth) // 24)) + 1))
    assert {page.stated_total for page in pages} == {len(truth)}
    assert sum(page.cards for page in pages) == min(240, len(truth))
    assert [page.problems + page.warnings for page in pages if page.problems or page.warnings] == []


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.operation.value)
def test_a_spanish_listing_page_reads_the_same(site: Site, portal: Portal, scope: Scope) -> None:
    answer = response(site, site.base_url + scope.path("es"))
    page = portal.listing_page(answer, operation=scope.operation)
    truth = site.world.by_operation[scope.operation]
    assert page.entries == tuple(expected_entry(listing, "es") for listing in truth[:24])
    assert (page.problems, page.warnings) == ((), ())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_detail_page_reads_as_the_world_says(site: Site, portal: Portal, language: Language) -> None:
    differences = {}
    for listing in site.world.listings:
        answer = response(site, f"{site.base_url}{DETAIL_ROOTS[language]}/{listing.slug}")
        assert portal.judge(answer, "detail")[0] is Judgement.OK
        truth, item = expected_item(listing, language), portal.detail_page(answer)
        if truth != item:
            differences[listing.public_id] = {
                name: (value, getattr(item, name))
                for name, value in attrs.asdict(truth, recurse=False).items()
                if value != getattr(item, name)
            }
    assert differences == {}


def test_the_world_shows_every_type_and_kind_of_offer_within_reach(site: Site, portal: Portal) -> None:
    entries = [entry for scope in SCOPES for page in walk(site, portal, scope) for entry in page.entries]
    assert {entry.property_type for entry in entries} == set(TYPES)
    assert len({entry.property_id for entry in entries}) >= 480
    assert max(len(entry.offers) for entry in entries) == 2


@pytest.mark.parametrize(
    ("path", "judgement"),
    [(LOGIN_PATH, Judgement.LOGIN), ("/en/home/no-such-listing", Judgement.GONE), ("/", Judgement.WRONG_PAGE)],
)
def test_other_pages_are_told_apart(site: Site, portal: Portal, path: str, judgement: Judgement) -> None:
    assert portal.judge(response(site, site.base_url + path), "detail")[0] is judgement
