import json
import re
from decimal import Decimal
from time import monotonic

import pytest

from propspider.items import Operation, PriceKind, PriceUnit
from propspider.lab.pages import DETAIL_ROOTS
from propspider.lab.scopes import SCOPES, Scope
from propspider.lab.server import REQUESTS, create_app
from propspider.lab.serving import serve
from propspider.lab.texts import number_text
from propspider.lab.world import Listing, World

from .client import Site, one

SCOPE = {scope.operation: scope for scope in SCOPES}
SALE, RENT = SCOPE[Operation.SALE].path("en"), SCOPE[Operation.RENT].path("en")


def first(world: World, operation: Operation, **facts: object) -> Listing:
    """The newest listing of an operation whose first offer has these facts."""
    return next(
        listing
        for listing in world.by_operation[operation]
        if all(getattr(listing.offers[0], name) == value for name, value in facts.items())
    )


def digits(site: Site, listing: Listing, language: str = "en") -> list[str]:
    root = DETAIL_ROOTS["en" if language == "en" else "es"]
    return [node.text(strip=True) for node in site.ask(f"{root}/{listing.slug}").tree.css(".listing__price .digits")]


def test_robots_txt_allows_listings_and_names_the_sitemap(site: Site) -> None:
    lines = site.ask("/robots.txt").text.splitlines()
    assert lines[:3] == ["User-agent: *", "Disallow: /en/account", "Disallow: /private/"]
    assert f"Sitemap: {site.base_url}/sitemap.xml" in lines
    assert not any(line.startswith("Crawl-delay") for line in lines)


def test_robots_txt_states_a_crawl_delay_when_told_to() -> None:
    app = create_app(World.create(1), crawl_delay=0.5)
    with serve(app) as base_url:
        assert "Crawl-delay: 0.5\n" in Site(base_url, app, World.create(1)).ask("/robots.txt").text


@pytest.mark.parametrize("path", ["/", "/en"])
def test_the_home_page_links_to_the_scopes(site: Site, path: str) -> None:
    links = {node.attributes["href"] for node in site.ask(path).tree.css("main li a")}
    assert links == {scope.path("en" if path == "/en" else "es") for scope in SCOPES}


def test_the_login_page_is_told_by_its_alternate_link_and_no_other_page_is(site: Site) -> None:
    marker = '/account/authentication/new" hreflang'
    assert marker in site.ask("/en/account/authentication/new").text
    assert marker not in site.ask(SALE).text
    assert marker not in site.ask(f"/en/home/{site.world.listings[0].slug}").text


@pytest.mark.parametrize(
    "path",
    [
        "/en/home/no-such-listing",
        "/inmueble/nada",
        "/en/properties/no-such-scope",
        "/inmuebles/properties-for-sale",
        "/private/x",
    ],
)
def test_unknown_paths_are_404(site: Site, path: str) -> None:
    assert site.ask(path).status == 404


@pytest.mark.parametrize("query", ["?page=0", "?page=-1", "?page=x", "?page=", "?page=²", f"?page={'9' * 5000}", "?page=9"])
def test_pages_that_do_not_exist_are_404(site: Site, query: str) -> None:
    assert site.ask(RENT + query.replace("²", "%C2%B2")).status == 404


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.operation.value)
@pytest.mark.parametrize("language", ["en", "es"])
def test_a_listing_page_states_the_true_total_of_its_scope(site: Site, scope: Scope, language: str) -> None:
    total = len(site.world.by_operation[scope.operation])
    tree = site.ask(scope.path("en" if language == "en" else "es")).tree
    results = one(tree, "div.search-results[data-search-results]")
    assert results is not None
    assert results.attributes["data-total"] == str(total)
    assert len(tree.css(".property__component")) == min(24, total)
    assert one(tree, "html").attributes["lang"] == f"{language}-MX"
    summary = one(tree, ".pagination-summary").text(strip=True)
    pages = -(-total // 24)
    assert summary == (f"Page 1 of {pages}" if language == "en" else f"Página 1 de {pages}")


def test_the_depth_cap_is_a_404_below_a_total_that_promises_more(site: Site) -> None:
    last = site.ask(f"{SALE}?page=10")
    assert one(last.tree, ".pagination-summary").text(strip=True) == "Page 10 of 13"
    following = one(last.tree, "span.next.page.pagination-button a[rel=next]").attributes["href"]
    assert following == f"{SALE}?page=11"
    assert site.ask(f"{SALE}?page=11").status == 404


def test_without_a_cap_every_sale_listing_is_served_once() -> None:
    world = World.create(60)
    app = create_app(world, page_size=7, page_cap=None)
    with serve(app) as base_url:
        site = Site(base_url, app, world)
        pages = -(-len(world.by_operation[Operation.SALE]) // 7)
        links = [
            node.attributes["href"]
            for page in range(1, pages + 1)
            for node in site.ask(f"{SALE}?page={page}").tree.css("a.property__content")
        ]
        assert site.ask(f"{SALE}?page={pages + 1}").status == 404
    assert links == [f"/en/home/{listing.slug}" for listing in world.by_operation[Operation.SALE]]


def test_page_one_is_the_page_without_a_number(site: Site) -> None:
    assert site.ask(SALE).body == site.ask(f"{SALE}?page=1").body


def test_the_last_page_keeps_its_next_link_inside_a_disabled_button(site: Site) -> None:
    last = -(-len(site.world.by_operation[Operation.RENT]) // 24)
    for page, button in ((1, "prev"), (last, "next")):
        span = one(site.ask(f"{RENT}?page={page}").tree, f"span.{button}.page.pagination-button")
        assert "disabled" in (span.attributes["class"] or "").split()
        assert span.css_first(f"a[rel={button}]") is not None
    middle = site.ask(f"{RENT}?page=2").tree
    assert middle.css_first("span.next.disabled, span.prev.disabled") is None
    assert one(middle, "span.page.current").text(strip=True) == "2"


def test_cards_of_2025_are_list_items_with_lazy_images_and_no_public_id(site: Site) -> None:
    listing = site.world.by_operation[Operation.SALE][0]
    tree = site.ask(SALE).tree
    card = one(tree, ".property__component")
    assert card.tag == "li"
    assert "data-id" not in card.attributes
    assert card.attributes["data-lat"] == str(listing.latitude)
    assert card.attributes["data-exact-location"] == str(listing.exact_location).lower()
    assert one(card, ".favorite-button").attributes["data-id"] == listing.internal_id
    image = one(card, ".swiper-slide img")
    assert "src" not in image.attributes
    assert f"/{listing.internal_id}/" in (image.attributes["data-src"] or "")
    assert f"/{listing.public_id}.jpg?height=300&version=" in (image.attributes["data-src"] or "")
    assert len(tree.css('script[type="application/ld+json"]')) == 1


def test_cards_of_2026_are_divs_with_an_id_and_a_json_ld_block_each(site: Site) -> None:
    tree = site.ask(RENT).tree
    cards = tree.css("div.property__component[data-id]")
    blocks = [json.loads(node.text()) for node in tree.css('script[type="application/ld+json"]')]
    listed = [block for block in blocks if block["@type"] == "RealEstateListing"]
    shown = site.world.by_operation[Operation.RENT][:24]
    assert [card.attributes["data-id"] for card in cards] == [listing.public_id for listing in shown]
    assert [block["url"] for block in listed] == [f"https://www.pincali.com/en/home/{listing.slug}" for listing in shown]
    assert [block["address"]["addressLocality"] for block in listed] == [listing.place.city for listing in shown]


def test_a_price_on_request_has_empty_offers_in_json_ld_and_words_on_the_page(site: Site) -> None:
    listing = first(site.world, Operation.RENT, kind=PriceKind.ON_REQUEST)
    page = site.world.by_operation[Operation.RENT].index(listing) // 24 + 1
    tree = site.ask(f"{SCOPE[Operation.RENT].path('es')}?page={page}").tree
    blocks = [json.loads(node.text()) for node in tree.css('script[type="application/ld+json"]')]
    block = next(block for block in blocks if block.get("url", "").endswith(f"/inmueble/{listing.slug}"))
    card = one(tree, f'[data-id="{listing.public_id}"]')
    assert block["offers"] == []
    assert one(card, "li.price").text(deep=False, strip=True) == "Consulte precio"
    assert one(card, "li.price span").text(strip=True) == "En Renta"


def test_price_texts_of_both_layouts_and_languages(site: Site) -> None:
    def find(operation: Operation, **facts: object) -> Listing:
        return first(site.world, operation, **facts)

    dollars, pesos = find(Operation.SALE, currency="USD"), find(Operation.RENT, currency="MXN", unit=PriceUnit.TOTAL)
    area, starting = find(Operation.SALE, unit=PriceUnit.SQUARE_METER), find(Operation.NEW_CONSTRUCTION, kind=PriceKind.FROM)
    assert re.fullmatch(r"US\$ [\d,]+", digits(site, dollars)[0])
    assert re.fullmatch(r"\$[\d,]+ MXN", digits(site, pesos)[0])
    assert re.fullmatch(r"\$[\d,.]+ per m²", digits(site, area)[0])
    assert re.fullmatch(r"\$[\d,.]+ por m²", digits(site, area, "es")[0])
    assert digits(site, starting)[0].startswith("From ")
    assert digits(site, starting, "es")[0].startswith("Desde ")


def test_a_listing_with_two_offers_is_in_both_scopes_with_both_prices(site: Site) -> None:
    sale, rent = site.world.by_operation[Operation.SALE], site.world.by_operation[Operation.RENT]
    listing = next(listing for listing in sale[:240] if len(listing.offers) == 2)
    amount = number_text(listing.offers[1].amount or Decimal(0))
    for path, siblings, dollars in ((SALE, sale, f"US$ {amount}"), (RENT, rent, f"US${amount}")):
        tree = site.ask(f"{path}?page={siblings.index(listing) // 24 + 1}").tree
        card = next(card for card in tree.css("a.property__content") if card.attributes["href"] == f"/en/home/{listing.slug}")
        prices = [(node.text(deep=False, strip=True), one(node, "span").text()) for node in card.css("li.price")]
        assert [words for _, words in prices] == ["For Sale", "For Rent"]
        assert prices[1][0] == dollars


def test_cards_under_construction_state_no_operation_but_their_detail_pages_do(site: Site) -> None:
    tree = site.ask(SCOPE[Operation.NEW_CONSTRUCTION].path("en")).tree
    assert tree.css("li.price")
    assert not tree.css("li.price span")
    listing = site.world.by_operation[Operation.NEW_CONSTRUCTION][0]
    detail = site.ask(f"/en/home/{listing.slug}").tree
    assert one(detail, ".listing__price .operation-type").text() == "Under Construction"


def test_an_english_detail_page_shows_the_translation_and_hides_the_original(site: Site) -> None:
    listing = site.world.listings[0]
    title, original = one(site.ask(f"/en/home/{listing.slug}").tree, "h1.property-title").css("span[data-translation]")
    assert (title.text(), original.text()) == (listing.title.en, listing.title.es)
    assert original.attributes["class"] == "d-none"
    spanish = site.ask(f"/inmueble/{listing.slug}").tree
    assert one(spanish, "h1.property-title").text(strip=True) == listing.title.es
    assert not spanish.css("[data-translation]")


def test_a_detail_page_carries_its_structured_blocks(site: Site) -> None:
    for operation, extra in ((Operation.SALE, False), (Operation.RENT, True)):
        listing = first(site.world, operation, kind=PriceKind.EXACT)
        tree = site.ask(f"/en/home/{listing.slug}").tree
        tracked = json.loads(one(tree, ".listing__header").attributes["data-track-custom-properties"] or "")
        published = json.loads(one(tree, "[data-publication-date]").attributes["data-publication-date"] or "")
        frame = one(tree, ".map-container div[data-lazy-iframe-url]").attributes["data-lazy-iframe-url"] or ""
        assert tracked["Property ID"] == listing.public_id
        assert ("Neighborhood" in tracked) is extra
        assert bool(tree.css("li.listing__data-row")) is extra
        assert published == {"language": "en", "date": listing.published_at.isoformat()}
        assert frame.endswith(f"&q={listing.latitude},{listing.longitude}")
        assert len(tree.css(".photo-tour__grid img")) == len(listing.image_ids)
        assert len(tree.css(".property__gallery .picture img")) == min(5, len(listing.image_ids))


def test_a_detail_page_ends_with_three_other_listings(site: Site) -> None:
    for listing in (*site.world.listings[:5], *site.world.listings[-5:]):
        cards = site.ask(f"/en/home/{listing.slug}").tree.css(".listing__similar-properties .property__component")
        ids = {card.attributes["data-id"] for card in cards}
        assert len(ids) == 3
        assert listing.public_id not in ids


def test_pages_are_served_as_utf_8_and_within_realistic_sizes(site: Site) -> None:
    for path in (SALE, RENT, SCOPE[Operation.FORECLOSURE].path("es")):
        answer = site.ask(path)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert 40_000 < len(answer.body) < 130_000
    assert 10_000 < len(site.ask(f"/en/home/{site.world.listings[0].slug}").body) < 60_000


def test_head_answers_without_a_body_what_get_answers(site: Site) -> None:
    slug = site.world.listings[0].slug
    paths = {
        f"/en/home/{slug}": 200,
        f"/inmueble/{slug}": 200,
        f"{SALE}?page=2": 200,
        "/sitemap.xml": 200,
        "/sitemaps/properties-1.xml.gz": 200,
        "/en/home/gone": 404,
        "/en/properties/houses-for-sale-in-atlantis": 404,
    }
    for path, status in paths.items():
        answer = site.ask(path, method="HEAD")
        assert (answer.status, answer.body) == (status, b""), path
        assert answer.headers["content-length"] == site.ask(path).headers["content-length"], path


def test_every_request_is_logged_in_order(site: Site) -> None:
    log = site.app[REQUESTS]
    before, start = len(log), monotonic()
    site.ask("/en")
    site.ask(f"{SALE}?page=2", method="HEAD")
    logged = list(log)[before:]
    assert [(one.method, one.path, one.kind, one.status) for one in logged] == [
        ("GET", "/en", "other", 200),
        ("HEAD", f"{SALE}?page=2", "listing", 200),
    ]
    assert start <= logged[0].monotonic <= logged[1].monotonic <= monotonic()
    assert log.maxlen == 100_000


def test_no_page_bears_a_sign_of_a_block(site: Site) -> None:
    signs = ("gokuprops", "challenge-container", "captcha", "human verification", "no longer available")
    for path in (SALE, RENT, "/", f"/en/home/{site.world.listings[0].slug}"):
        text = site.ask(path).text.lower()
        assert not [sign for sign in signs if sign in text]
