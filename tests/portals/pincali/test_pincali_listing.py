from decimal import Decimal

import pytest
from web_poet import HttpResponse

from propspider import portals
from propspider.items import ErrorType, ManifestEntry, ManifestPage, Offer, Operation, PriceKind, PriceUnit, PropertyType
from propspider.portals.pincali.pages import page_number, page_url

from .markup import SITE, card, image, linked, listing_page, next_button, price, response

PINCALI = portals.load("pincali")


def read(*cards: str, operation: Operation | None = None) -> ManifestPage:
    return PINCALI.listing_page(response(listing_page(*cards)), operation=operation)


def entry(*cards: str, operation: Operation | None = None) -> ManifestEntry:
    (only,) = read(*cards, operation=operation).entries
    return only


def mxn(amount: object) -> dict[str, object]:
    return {"@type": "Offer", "price": amount, "priceCurrency": "MXN"}


@pytest.mark.parametrize("tag", ["li", "div", "article"])
def test_a_card_is_told_by_its_class(tag: str) -> None:
    found = entry(card(tag=tag))
    assert found == ManifestEntry(
        property_id="pincali:EB-AB1001",
        source_url=f"{SITE}/en/home/casa-uno",
        title="A house",
        latitude=20.5,
        longitude=-103.25,
        exact_location=True,
        offers=(Offer(operation=Operation.SALE, amount=Decimal(4_650_000), currency="MXN"),),
        internal_id="7001001",
        property_type=PropertyType.HOUSE,
    )


def test_the_cards_own_attribute_names_it_before_its_images() -> None:
    page = read(card(key="EB-XX1001", data_id="EB-AB1001"))
    assert page.entries[0].property_id == "pincali:EB-AB1001"
    assert page.warnings == ()


def test_an_image_of_another_listing_does_not_name_the_card() -> None:
    foreign = f'<img src="{image("EB-ZZ9999", 8009999)}">'
    page = read(card().replace('<div class="swiper-slide">', foreign + '<div class="swiper-slide">', 1))
    assert page.entries[0].property_id == "pincali:EB-AB1001"


def test_disagreeing_ids_are_counted() -> None:
    assert read(card(data_id="EB-AB1002")).warnings == ("id/disagreement",)


def test_a_card_with_only_its_number_gets_a_provisional_id() -> None:
    assert entry(card(key=None)).property_id == "pincali:~7001001"
    assert entry(card(key=None, number=None, data_id="7001001")).property_id == "pincali:~7001001"


def test_without_a_number_of_its_own_the_image_path_tells_it() -> None:
    assert entry(card(number=None).replace("/property_images/1/", "/property_images/7001001/")).internal_id == "7001001"


@pytest.mark.parametrize(
    ("changed", "warning"),
    [
        ({"key": None, "number": None}, "card/no_id"),
        ({"href": None}, "card/no_link"),
        ({"href": "https://elsewhere.example.com/en/home/x"}, "card/off_site"),
        ({"href": "//elsewhere.example.com/x"}, "card/off_site"),
        ({"href": "https://www.pincali.com@elsewhere.example.com/x"}, "card/off_site"),
        ({"href": "javascript:alert(1)"}, "card/off_site"),
        ({"href": "https://[broken/x"}, "card/off_site"),
        ({"href": "/" + "x" * 3000}, "card/off_site"),
    ],
)
def test_a_card_without_id_or_own_link_is_a_problem_and_no_entry(changed: dict[str, str | None], warning: str) -> None:
    page = read(card(**changed), card(key="EB-AB1002", number=7001002))  # type: ignore[arg-type]
    assert [found.property_id for found in page.entries] == ["pincali:EB-AB1002"]
    assert page.cards == 2
    assert [problem.error_type for problem in page.problems] == [ErrorType.CARD]
    assert page.warnings == (warning,)


def test_fault_6_an_unreadable_price_costs_the_offer_not_the_entry() -> None:
    page = read(card(prices=price("$5,000 por noche") + price("US$ 900", "For Rent")))
    assert page.entries[0].offers == (Offer(operation=Operation.RENT, amount=Decimal(900), currency="USD"),)
    assert [(problem.error_type, problem.raw) for problem in page.problems] == [(ErrorType.CARD, "$5,000 por noche For Sale")]
    assert page.warnings == ("price/unreadable",)


@pytest.mark.parametrize(
    ("text", "offer"),
    [
        ("$1,000,000 - $2,000,000", {"kind": PriceKind.RANGE, "amount": Decimal(10**6), "amount_max": Decimal(2 * 10**6)}),
        ("From $1.5M", {"kind": PriceKind.FROM, "amount": Decimal(1_500_000)}),
        ("$8,800 MXN por m²", {"unit": PriceUnit.SQUARE_METER, "amount": Decimal(8800)}),
        ("$8,800 <small>MXN per m2</small>", {"unit": PriceUnit.SQUARE_METER, "amount": Decimal(8800)}),
    ],
)
def test_fault_6_price_texts_keep_their_meaning(text: str, offer: dict[str, object]) -> None:
    page = read(card(prices=price(text)))
    assert page.entries[0].offers == (Offer(operation=Operation.SALE, currency="MXN", **offer),)  # type: ignore[arg-type]
    assert page.warnings == ()


@pytest.mark.parametrize("text", ["Contact for price", "Consulte precio"])
def test_a_price_on_request_is_an_offer_without_amount(text: str) -> None:
    page = read(card(prices=price(text)))
    assert page.entries[0].offers == (Offer(operation=Operation.SALE, kind=PriceKind.ON_REQUEST),)
    assert page.warnings == ()


def test_an_unknown_operation_is_never_the_scopes() -> None:
    page = read(card(prices=price("$5,000", "For Barter")), operation=Operation.SALE)
    assert page.entries[0].offers == ()
    assert page.warnings == ("operation/unknown",)


def test_the_scopes_operation_stands_for_a_card_that_states_none() -> None:
    bare = '<li class="price">$5,000</li>'
    assert entry(card(prices=bare), operation=Operation.FORECLOSURE).offers[0].operation is Operation.FORECLOSURE
    assert read(card(prices=bare)).warnings == ("operation/unknown",)


def test_two_labels_on_one_price_name_no_operation() -> None:
    assert read(card(prices='<li class="price">$5<span>For Sale</span><span>For Rent</span></li>')).warnings == (
        "operation/unknown",
    )


def test_the_same_offer_twice_is_one_and_a_different_one_is_counted() -> None:
    assert read(card(prices=price("$5") + price("$5"))).warnings == ()
    page = read(card(prices=price("$5") + price("$6")))
    assert [offer.amount for offer in page.entries[0].offers] == [5]
    assert page.warnings == ("price/duplicate",)


def test_a_card_without_any_price_is_counted() -> None:
    assert read(card(prices="")).warnings == ("price/missing",)
    assert read(card(prices='<li class="price"> </li>')).warnings == ("price/missing",)


def test_json_ld_tells_the_currency_that_the_text_leaves_open() -> None:
    usd = linked("/en/home/casa-uno", {"price": "193000.0", "priceCurrency": "usd"})
    assert entry(card(prices=price("$193,000")), usd).offers[0].currency == "USD"
    page = read(card(prices=price("$193,000 MXN")), usd)
    assert page.entries[0].offers[0].currency == "MXN"
    assert page.warnings == ("currency/disagreement",)


def test_an_amount_that_json_ld_does_not_know_is_counted() -> None:
    assert read(card(prices=price("$5")), linked("/en/home/casa-uno", [mxn(6)])).warnings == ("price/disagreement",)
    assert read(card(prices=price("$5 por m²")), linked("/en/home/casa-uno", [mxn(600)])).warnings == ()


@pytest.mark.parametrize("offers", [mxn(5000), [mxn("5000")]])
def test_json_ld_offers_are_a_list_or_an_object(offers: object) -> None:
    assert read(card(prices=price("$5000")), linked("/en/home/casa-uno", offers)).warnings == ()
    assert read(card(prices=price("$5001")), linked("/en/home/casa-uno", offers)).warnings == ("price/disagreement",)


@pytest.mark.parametrize(
    ("prices", "warning"), [("", "price/not_shown"), ('<li class="price"><span>For Sale</span></li>', "price/unreadable")]
)
@pytest.mark.parametrize("offers", [mxn(5000), [mxn(5), mxn(6)]])
def test_an_amount_that_is_not_shown_makes_no_offer(prices: str, warning: str, offers: object) -> None:
    page = read(card(prices=prices), linked("/en/home/casa-uno", offers), operation=Operation.RENT)
    assert (page.entries[0].offers, page.warnings) == ((), (warning,))


def test_an_empty_list_of_offers_is_on_request() -> None:
    for prices in ("", '<li class="price"></li>', '<li class="price"><span>For Sale</span></li>'):
        page = read(card(prices=prices), linked("/en/home/casa-uno", []), operation=Operation.SALE)
        assert page.entries[0].offers == (Offer(operation=Operation.SALE, kind=PriceKind.ON_REQUEST),)


def test_a_label_without_its_price_is_not_on_request() -> None:
    page = read(card(prices='<li class="price"><span>For Sale</span></li>'))
    assert (page.entries[0].offers, page.warnings) == ((), ("price/unreadable",))


def test_json_ld_without_an_operation_makes_no_offer() -> None:
    page = read(card(prices=""), linked("/en/home/casa-uno", []))
    assert (page.entries[0].offers, page.warnings) == ((), ("operation/unknown",))


@pytest.mark.parametrize(
    "offers", [None, 5, [5, None], {"price": "x", "priceCurrency": "MXN"}, {"price": 5}, {"price": 5, "priceCurrency": "PESOS"}]
)
def test_unreadable_json_ld_offers_say_nothing(offers: object) -> None:
    page = read(card(), linked("/en/home/casa-uno", offers))
    assert page.entries[0].offers == entry(card()).offers
    assert page.warnings == ()


def test_json_ld_is_found_in_graphs_and_lists_and_joined_on_the_path() -> None:
    wrapped = (
        linked("/en/home/casa-uno/", [], category="Edificio")
        .replace('{"@type"', '[{"@graph": [{"@type"', 1)
        .replace("</script>", "]}]</script>")
    )
    assert entry(card(), wrapped).property_type is PropertyType.BUILDING
    assert entry(card(), linked("/en/home/other", [], category="Edificio")).property_type is PropertyType.HOUSE


@pytest.mark.parametrize(
    "script",
    [
        "{",
        "[" * 100_000,
        '{"@type": ["RealEstateListing"], "url": 5, "@id": ["x"]}',
        '{"@type": "RealEstateListing", "url": "https://[x"}',
        "5",
    ],
)
def test_broken_json_ld_says_nothing(script: str) -> None:
    assert entry(card(), f'<script type="application/ld+json">{script}</script>') == entry(card())


def test_the_title_falls_back_on_json_ld() -> None:
    assert entry(card(title=""), linked("/en/home/casa-uno", [], name="Named")).title == "Named"


def test_fault_7_a_type_outside_the_vocabulary_is_none_and_counted() -> None:
    page = read(card(location="Castle in Las Palmas, Valle Hermoso"))
    assert page.entries[0].property_type is None
    assert page.warnings == ("type/unknown",)
    assert entry(card(location="Bodega en Las Palmas, Valle Hermoso")).property_type is PropertyType.WAREHOUSE


def test_impossible_coordinates_are_none_and_counted() -> None:
    page = read(card(coordinates=("0", "0")), card(key="EB-AB1002", number=7001002, coordinates=("99", "x")))
    assert [(found.latitude, found.longitude) for found in page.entries] == [(None, None), (None, None)]
    assert page.warnings == ("coordinates/unknown", "coordinates/unknown")


def test_missing_coordinates_and_exactness_are_only_missing() -> None:
    page = read(card(coordinates=("", ""), exact=""))
    assert page.entries[0].latitude is None
    assert page.entries[0].exact_location is None
    assert page.warnings == ()


def test_the_same_listing_twice_is_one_entry() -> None:
    page = read(card(title="First"), card(title="Second"))
    assert [found.title for found in page.entries] == ["First"]
    assert (page.cards, page.warnings) == (1, ("card/duplicate",))


def test_cards_among_similar_listings_do_not_count() -> None:
    page = read(card(), f'<div class="listing__similar-properties">{card(key="EB-AB1002", number=7001002)}</div>')
    assert (page.cards, len(page.entries)) == (1, 1)


def test_an_unclosed_card_does_not_swallow_the_next() -> None:
    first = card(tag="div", prices="").removesuffix("</div>")
    page = read(first, card(tag="div", key="EB-AB1002", number=7001002))
    assert [(found.property_id, len(found.offers)) for found in page.entries] == [
        ("pincali:EB-AB1001", 0),
        ("pincali:EB-AB1002", 1),
    ]


def test_a_title_is_text_never_markup() -> None:
    assert entry(card(title="<b>[/] Casa</b>\x07 &amp;")).title == "<b>[/] Casa</b> &amp;"


@pytest.mark.parametrize(
    ("button", "following"),
    [
        (next_button(3), 3),
        (next_button(3, disabled=True), None),
        ("", None),
        (next_button(1), None),
        ('<span class="next"></span>', None),
    ],
)
def test_the_next_page_is_the_enabled_buttons(button: str, following: int | None) -> None:
    page = PINCALI.listing_page(response(listing_page(card(), current=2, following=button)))
    assert (page.page, page.next_page) == (2, following)


def test_total_and_page_without_their_usual_places() -> None:
    html = f'<div class="action__result"><h2>413,954 results</h2></div>{card()}'
    page = PINCALI.listing_page(response(html, "/en/properties/x?page=7"))
    assert (page.stated_total, page.page, page.next_page) == (413954, 7, None)
    assert PINCALI.listing_page(response("<p>no listings</p>")) == ManifestPage(
        entries=(), stated_total=None, page=1, next_page=None
    )


def test_page_urls() -> None:
    assert page_url(f"{SITE}/en/properties/x", 1) == f"{SITE}/en/properties/x"
    assert page_url(f"{SITE}/en/properties/x?page=9&min_price=5", 1) == f"{SITE}/en/properties/x?min_price=5"
    assert page_url(f"{SITE}/en/properties/x?min_price=5", 12) == f"{SITE}/en/properties/x?min_price=5&page=12"
    assert PINCALI.page_url("sale", 2) == f"{SITE}/en/properties/properties-for-sale?page=2"
    for number in (1, 2, 100):
        assert page_number(page_url(f"{SITE}/en/properties/x", number)) == number


@pytest.mark.parametrize(
    "url", [SITE, f"{SITE}/?page=", f"{SITE}/?page=x", f"{SITE}/?page=-3", f"{SITE}/?page=0", "https://[broken"]
)
def test_a_url_that_names_no_page_is_page_1(url: str) -> None:
    assert page_number(url) == 1


def test_a_response_in_another_encoding_reads_the_same() -> None:
    html = listing_page(card(title="Jardín"))
    encoded = HttpResponse(
        url=f"{SITE}/en/properties/x",
        body=html.encode("iso-8859-1"),
        status=200,
        headers={"Content-Type": "text/html; charset=iso-8859-1"},
    )
    assert PINCALI.listing_page(encoded).entries[0].title == "Jardín"
