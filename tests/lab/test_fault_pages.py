"""Pages that change under the reader, and what the portal's page objects read from them."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from propspider.items import Offer, Operation, PriceKind
from propspider.lab import fault_pages
from propspider.lab.fault_pages import CLASSES, FIELDS
from propspider.lab.world import Listing
from propspider.portals.contract import UnreadablePage
from propspider.portals.judgement import Judgement

from .faulty import RENT, SALE, WORLD, Faulty, detail, faulty_portal, judged, listed, path_of

FOR_SALE = WORLD.by_operation[Operation.SALE]
FOR_RENT = WORLD.by_operation[Operation.RENT]


@pytest.fixture(scope="module")
def running() -> Iterator[Faulty]:
    with faulty_portal() as portal:
        yield portal


@pytest.fixture
def portal(running: Faulty) -> Faulty:
    running.set()
    running.marks.clear()
    return running


def shown(portal: Faulty, path: str, operation: Operation = Operation.SALE) -> list[str]:
    return [entry.property_id for entry in listed(path, portal.ask(path), operation).entries]


# --- cards ---


def test_an_empty_list_has_no_cards_and_no_next_page(portal: Faulty) -> None:
    portal.set("empty_list")
    page = listed(SALE, portal.ask(SALE))
    assert (page.cards, page.entries, page.stated_total, page.next_page) == (0, (), 0, None)
    assert judged(SALE, portal.ask(SALE)) is Judgement.OK
    portal.set("empty_list,total=kept")
    assert listed(SALE, portal.ask(SALE)).stated_total == len(FOR_SALE)


@pytest.mark.parametrize(("of", "page"), [("first", 1), ("previous", 2)])
def test_a_page_is_another_one_again(portal: Faulty, of: str, page: int) -> None:
    first, again = shown(portal, SALE), shown(portal, f"{SALE}?page={page}")
    portal.set(f"repeated_page,of={of}")
    assert shown(portal, f"{SALE}?page=3") == again
    assert shown(portal, SALE) == first
    assert portal.marks[-2:] == ["repeated_page", None]


@pytest.mark.parametrize(("path", "operation"), [(SALE, Operation.SALE), (RENT, Operation.RENT)])
def test_lost_cards_are_lost_under_an_unchanged_total(portal: Faulty, path: str, operation: Operation) -> None:
    whole = listed(path, portal.ask(path), operation)
    portal.set("lost_cards,share=0.4")
    first, second = (listed(path, portal.ask(path), operation) for _ in range(2))
    for page in (first, second):
        assert 0 < page.cards < whole.cards
        assert page.entries == tuple(entry for entry in whole.entries if entry in page.entries)
        assert (page.stated_total, page.next_page) == (whole.stated_total, whole.next_page)
    assert first.entries != second.entries


def test_by_path_the_same_listings_are_lost_wherever_and_whenever(portal: Faulty) -> None:
    walk = [f"{SALE}?page={page}" for page in (1, 2, 3)]
    whole = {one for path in walk for one in shown(portal, path)}
    portal.set("lost_cards,share=0.2,by=path")
    walks = [{one for path in walk for one in shown(portal, path)} for _ in range(2)]
    assert walks[0] == walks[1]
    assert 0 < len(whole - walks[0]) < len(whole) / 2


def test_reordered_cards_are_of_neighbouring_pages_and_as_many(portal: Faulty) -> None:
    one, other, third = (shown(portal, f"{SALE}?page={page}") for page in (1, 2, 3))
    portal.set("reordered_cards")
    pages = [shown(portal, SALE) for _ in range(3)]
    assert all(len(page) == 12 and set(page) <= {*one, *other} for page in pages)
    assert all(set(page) & set(other) for page in pages)
    assert len({tuple(page) for page in pages}) == 3
    assert sorted(shown(portal, f"{SALE}?page=3")) == sorted(third)
    portal.set("reordered_cards,pages=1")
    again = shown(portal, SALE)
    assert again != one
    assert sorted(again) == sorted(one)


def test_the_total_shrinks_from_page_to_page(portal: Faulty) -> None:
    portal.set("shrinking_total,step=0.1")
    pages = [listed(path, portal.ask(path)) for path in (SALE, f"{SALE}?page=2", f"{SALE}?page=3")]
    assert [page.stated_total for page in pages] == [32, 28, 25]
    assert [len(page.entries) for page in pages] == [12, 12, 8]


@pytest.mark.parametrize("path", [SALE, RENT])
def test_half_a_listing_page_still_reads_and_has_no_next(portal: Faulty, path: str) -> None:
    portal.set("half_page,share=0.5")
    page = listed(path, portal.ask(path))
    assert 0 < page.cards < 12
    assert page.next_page is None


def test_half_a_detail_page_reads_as_its_listing_with_less(portal: Faulty) -> None:
    path = path_of(FOR_SALE[0])
    answer = portal.ask(path)
    whole, share = detail(path, answer), answer.body.index(b"listing__description") / len(answer.body)
    portal.set(f"half_page,share={share:.3f}")
    half = detail(path, portal.ask(path))
    assert half.property_id == whole.property_id
    assert half.description is None


# --- changed markup ---


@pytest.mark.parametrize(("path", "listings"), [(SALE, FOR_SALE), (RENT, FOR_RENT)])
def test_a_page_is_put_together_as_it_was_taken_apart(portal: Faulty, path: str, listings: tuple[Listing, ...]) -> None:
    page = portal.ask(path).text
    parts = fault_pages.split(page)
    assert parts.page == page
    assert [fault_pages.link_of(card) for card in parts.cards] == [path_of(listing) for listing in listings[:12]]


def test_without_its_class_no_card_is_found(portal: Faulty) -> None:
    portal.set("dead_selector,of=property__component")
    for path in (SALE, RENT):
        page = listed(path, portal.ask(path))
        assert (page.cards, page.stated_total is not None) == (0, True)
        assert judged(path, portal.ask(path)) is Judgement.OK


def test_a_card_whose_price_is_called_otherwise_states_none(portal: Faulty) -> None:
    portal.set("dead_selector,of=price")
    sale = listed(SALE, portal.ask(SALE))
    assert sale.cards == 12
    assert not any(entry.offers for entry in sale.entries)
    assert sale.warnings.count("price/missing") == 12
    path = path_of(FOR_SALE[0])
    assert detail(path, portal.ask(path)).offers == ()


def test_a_detail_whose_markers_died_is_no_page_of_the_portals(portal: Faulty) -> None:
    path = path_of(FOR_SALE[0])
    portal.set("dead_selector,of=listing__header")
    assert judged(path, portal.ask(path)) is Judgement.OK
    portal.set("dead_selector,of=listing__header", "dead_selector,of=listing-id")
    assert judged(path, portal.ask(path)) is Judgement.WRONG_PAGE


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_that_can_die_is_on_a_page(portal: Faulty, name: str) -> None:
    portal.set(f"dead_selector,of={name}")
    portal.ask(SALE)
    portal.ask(path_of(FOR_SALE[0]))
    assert "dead_selector" in portal.marks


READ = {
    "price": ("offers",),
    "bedrooms": ("bedrooms",),
    "bathrooms": ("bathrooms",),
    "parking": ("parking_spaces",),
    "area": ("total_area_m2", "covered_area_m2", "lot_size_m2"),
    "title": ("title",),
    "description": ("description",),
    "location": ("latitude", "longitude"),
    "publisher": ("agent_name", "agency_name"),
}


@pytest.mark.parametrize("listings", [FOR_SALE, FOR_RENT], ids=["sale", "rent"])
@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_vanished_is_unread_and_every_other_is_as_it_was(
    portal: Faulty, field: str, listings: tuple[Listing, ...]
) -> None:
    rooms = [listing for listing in listings if listing.bedrooms and listing.parking_spaces and listing.built_m2]
    path = path_of(rooms[0])
    whole = detail(path, portal.ask(path))
    assert all(getattr(whole, name) for name in READ[field] if name != "lot_size_m2")
    portal.set(f"lost_field,field={field}")
    poorer = detail(path, portal.ask(path))
    assert not any(getattr(poorer, name) for name in READ[field])
    for names in (names for other, names in READ.items() if other != field):
        assert [getattr(poorer, name) for name in names] == [getattr(whole, name) for name in names]


@pytest.mark.parametrize(("path", "operation"), [(SALE, Operation.SALE), (RENT, Operation.RENT)])
def test_a_field_may_vanish_from_cards_only(portal: Faulty, path: str, operation: Operation) -> None:
    whole = listed(path, portal.ask(path), operation)
    portal.set("lost_field,field=price,on=listing")
    page = listed(path, portal.ask(path), operation)
    assert [entry.property_id for entry in page.entries] == [entry.property_id for entry in whole.entries]
    assert not any(entry.offers for entry in page.entries)
    one = path_of(WORLD.by_operation[operation][0])
    assert detail(one, portal.ask(one)).offers


def priced(offers: tuple[Offer, ...], currency: str) -> list[Decimal | None]:
    return [offer.amount for offer in offers if offer.kind is not PriceKind.ON_REQUEST and offer.currency == currency]


@pytest.mark.parametrize(("shown_as", "own"), [("USD", "MXN"), ("MXN", "USD")])
@pytest.mark.parametrize(("path", "operation"), [(SALE, Operation.SALE), (RENT, Operation.RENT)])
def test_a_flipped_currency_is_read_as_the_other_one(
    portal: Faulty, path: str, operation: Operation, shown_as: str, own: str
) -> None:
    listings = WORLD.by_operation[operation]
    page = next(
        f"{path}?page={at // 12 + 1}" for at, listing in enumerate(listings) if any(o.currency == own for o in listing.offers)
    )
    whole = listed(page, portal.ask(page), operation)
    portal.set(f"currency_flip,shown={shown_as}")
    flipped = listed(page, portal.ask(page), operation)
    assert any(priced(entry.offers, own) for entry in whole.entries)
    for before, after in zip(whole.entries, flipped.entries, strict=True):
        assert priced(after.offers, own) == []
        assert sorted(priced(after.offers, shown_as)) == sorted(priced(before.offers, own) + priced(before.offers, shown_as))  # type: ignore[type-var]
    listing = next(listing for listing in listings if any(o.currency == own for o in listing.offers))
    one = path_of(listing)
    assert priced(detail(one, portal.ask(one)).offers, own) == []


def test_a_changed_page_has_its_own_length(portal: Faulty) -> None:
    portal.set("lost_cards,share=0.5")
    answer = portal.ask(SALE)
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@given(st.text(max_size=200))
def test_a_page_that_has_nothing_of_it_stays_as_it_is(page: str) -> None:
    assert fault_pages.split(page).page == page
    assert fault_pages.without_cards(page, lambda _: True) == page
    assert fault_pages.with_total(page, 7) == fault_pages.emptied(page, None) == page
    assert fault_pages.flipped(fault_pages.flipped(page, "USD"), "MXN") == page
    assert all(fault_pages.renamed_class(page, name) == page for name in CLASSES)
    assert all(fault_pages.without_field(page, field) == page for field in FIELDS)


def test_a_detail_that_names_nothing_is_unreadable(portal: Faulty) -> None:
    path = path_of(FOR_SALE[0])
    portal.set("half_page,share=0.05")
    with pytest.raises(UnreadablePage):
        detail(path, portal.ask(path))
