"""The facts of the captured pages, and each fault of the scraper that they were captured for."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from web_poet import HttpResponse

from propspider import portals
from propspider.items import ManifestPage, Offer, Operation, PropertyItem, PropertyType
from propspider.portals import Judgement

from .markup import SITE

PINCALI = portals.load("pincali")
SLUG = "casa-en-renta-en-quintas-del-rey-quintas-del-rey-ii"


def captured(folder: Path, name: str, path: str) -> HttpResponse:
    body = (folder / "pincali" / name).read_bytes()
    return HttpResponse(url=SITE + path, body=body, status=200, headers={"Content-Type": "text/html; charset=utf-8"})


@pytest.fixture(scope="module")
def listing_response(shared_real: Path) -> HttpResponse:
    path = "/en/properties/residential-listings-for-sale-or-rent"
    return captured(shared_real, "listing_en_residential_p1_2025-09.html", path)


@pytest.fixture(scope="module")
def detail_response(shared_real: Path) -> HttpResponse:
    return captured(shared_real, "detail_en_rent_EB-UR0278_2025-11.html", f"/en/home/{SLUG}")


@pytest.fixture(scope="module")
def listing(listing_response: HttpResponse) -> ManifestPage:
    return PINCALI.listing_page(listing_response)


@pytest.fixture(scope="module")
def detail(detail_response: HttpResponse) -> PropertyItem:
    return PINCALI.detail_page(detail_response)


def test_the_listing_page_holds_24_listings_and_25_offers(listing: ManifestPage) -> None:
    assert listing.cards == len(listing.entries) == 24
    assert len({entry.property_id for entry in listing.entries}) == 24
    assert all(entry.property_id.startswith("pincali:EB-") for entry in listing.entries)
    assert sum(len(entry.offers) for entry in listing.entries) == 25
    assert (listing.stated_total, listing.page, listing.next_page) == (413954, 1, 2)
    assert (listing.problems, listing.warnings) == ((), ())


def test_every_card_has_its_place_link_title_number_and_type(listing: ManifestPage) -> None:
    for entry in listing.entries:
        assert entry.latitude is not None
        assert 14 < entry.latitude < 33
        assert entry.longitude is not None
        assert -118 < entry.longitude < -86
        assert entry.exact_location is not None
        assert entry.source_url.startswith(f"{SITE}/en/home/")
        assert entry.title
        assert entry.internal_id is not None
        assert entry.internal_id[-4:] == entry.property_id[-4:]
    types = [entry.property_type for entry in listing.entries]
    assert [types.count(kind) for kind in (PropertyType.HOUSE, PropertyType.APARTMENT, PropertyType.LOT)] == [15, 5, 4]
    assert sum(entry.exact_location is False for entry in listing.entries) == 6


def test_fault_4b_a_listing_for_sale_and_for_rent_keeps_both_offers(listing: ManifestPage) -> None:
    both = [entry for entry in listing.entries if len(entry.offers) == 2]
    assert [entry.offers for entry in both] == [
        (
            Offer(operation=Operation.SALE, amount=Decimal(43_000_000), currency="MXN"),
            Offer(operation=Operation.RENT, amount=Decimal(12_000), currency="USD"),
        )
    ]


def test_ids_are_those_of_the_image_files(listing: ManifestPage) -> None:
    first = listing.entries[0]
    assert (first.property_id, first.internal_id) == ("pincali:EB-UG5586", "5535586")
    assert first.source_url == f"{SITE}/en/home/casa-en-venta-en-villamagna-2da-secc"


def test_fault_1_rooms_are_read_from_one_text_node(detail: PropertyItem) -> None:
    assert (detail.bedrooms, detail.bathrooms, detail.parking_spaces) == (2, 1, 2)
    assert detail.features == ("2 bedrooms", "1 bathroom", "2 parking spaces")


def test_fault_2_one_title_and_one_description(detail: PropertyItem) -> None:
    assert detail.title == "House for rent in Quintas del Rey"
    assert detail.title_original == "Casa en renta en Quintas del Rey"
    assert detail.language == "en"
    assert detail.description is not None
    assert detail.description.startswith("For rent: expanded house")
    assert "Se renta" not in detail.description
    assert detail.description.count("\n") == 10
    assert "(the main one" in detail.description
    assert "🏡" in detail.description
    assert detail.description_original is not None
    assert detail.description_original.startswith("Se renta")


def test_fault_3_the_operation_is_the_same_word_as_on_cards(detail: PropertyItem, listing: ManifestPage) -> None:
    assert detail.offers == (Offer(operation=Operation.RENT, amount=Decimal(10_100), currency="MXN"),)
    assert {offer.operation for entry in listing.entries for offer in entry.offers} == {Operation.SALE, Operation.RENT}


def test_fault_4_neighborhood_city_and_state(detail: PropertyItem) -> None:
    assert (detail.neighborhood, detail.city, detail.state) == ("Quintas del Rey II", "Mexicali", "Baja California")
    assert detail.address == "Quintas del Rey II, Mexicali, Baja California"
    assert (detail.street, detail.postal_code) == (None, None)


def test_fault_7_the_type_is_the_pages(detail: PropertyItem) -> None:
    assert detail.property_type is PropertyType.HOUSE


def test_fault_8_the_listing_date_is_the_exact_one(detail: PropertyItem) -> None:
    assert detail.published_at == datetime(2025, 11, 11, 14, 23, 39, tzinfo=timezone(timedelta(hours=-6)))
    assert detail.listing_date == date(2025, 11, 11)


def test_fault_9_all_pictures_of_this_listing_and_of_no_other(detail: PropertyItem) -> None:
    assert detail.image_urls is not None
    assert len(detail.image_urls) == len(set(detail.image_urls)) == 18
    assert all("/property_images/5640278/" in url for url in detail.image_urls)
    assert detail.main_image_url == detail.image_urls[0]
    assert (detail.latitude, detail.longitude) == (32.5864552196, -115.4704990383)


def test_fault_9_hidden_phones_stay_hidden(detail: PropertyItem) -> None:
    assert detail.agent_phone is None
    assert detail.message_url == f"{SITE}/home/{SLUG}/messages"
    assert detail.stated_empty == frozenset()


def test_nothing_comes_from_the_similar_listings(detail: PropertyItem, detail_response: HttpResponse) -> None:
    assert (detail.property_id, detail.internal_id) == ("pincali:EB-UR0278", "5640278")
    assert detail.source_url == f"{SITE}/en/home/{SLUG}"
    head, mark, _ = detail_response.text.partition('<div class="listing__similar-properties">')
    assert mark
    alone = HttpResponse(url=str(detail_response.url), body=head.encode(), status=200)
    assert PINCALI.detail_page(alone) == detail
    assert detail.warnings == ()


def test_cards_of_similar_listings_are_no_cards(detail_response: HttpResponse) -> None:
    assert PINCALI.listing_page(detail_response).cards == 0


def test_fault_10_the_same_cards_as_div_elements(listing: ManifestPage, listing_response: HttpResponse) -> None:
    newer = listing_response.text.replace('<li class="property__component"', '<div class="property__component"')
    assert PINCALI.listing_page(HttpResponse(url=str(listing_response.url), body=newer.encode(), status=200)) == listing


def test_a_mirror_serves_the_same_entries_under_the_portals_own_urls(
    listing: ManifestPage, listing_response: HttpResponse
) -> None:
    mirror = PINCALI.with_base("http://localhost:8099", allow_private=True)
    url = str(listing_response.url).replace(SITE, "http://localhost:8099")
    assert mirror.listing_page(HttpResponse(url=url, body=bytes(listing_response.body), status=200)) == listing


def test_the_captured_pages_are_judged_for_what_they_are(
    listing_response: HttpResponse, detail_response: HttpResponse, shared_real: Path
) -> None:
    assert PINCALI.judge(listing_response, "listing")[0] is Judgement.OK
    assert PINCALI.judge(detail_response, "detail")[0] is Judgement.OK
    assert PINCALI.judge(detail_response, "listing")[0] is Judgement.WRONG_PAGE
    login = captured(shared_real, "login_page_en_2025-11.html", "/en/account/authentication/new")
    assert PINCALI.judge(login, "detail")[0] is Judgement.LOGIN
