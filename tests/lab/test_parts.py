"""Filtered walks: what they show is what the world says, their total is what they list, and together they are the scope."""

from collections.abc import Iterable, Iterator
from time import perf_counter

import pytest
from web_poet import HttpResponse

from propspider import portals
from propspider.items import ManifestEntry, Operation, Part, PriceUnit, PropertyType
from propspider.lab.catalogue import STATES, TYPE_SLUGS
from propspider.lab.listing import PESOS_PER_DOLLAR, slug_of
from propspider.lab.pages import Pages
from propspider.lab.scopes import ALL, SCOPE_OF, SCOPES, Filters, read_walk, walk_path
from propspider.lab.server import create_app
from propspider.lab.serving import serve
from propspider.lab.world import Listing, World
from propspider.portals import Portal

from .client import Site, one

WORLD = World.create(600, seed=3)
SALE = WORLD.by_operation[Operation.SALE]
PINCALI = portals.load("pincali")
PLACES = {slug_of(state): state for state in STATES}


@pytest.fixture(scope="module")
def uncapped() -> Iterator[Site]:
    app = create_app(WORLD, page_cap=None)
    with serve(app) as base_url:
        yield Site(base_url, app, WORLD)


def portal_at(site: Site) -> Portal:
    return PINCALI.with_base(site.base_url, allow_private=True)


def walk(site: Site, scope: str, part: Part) -> tuple[list[ManifestEntry], set[int | None]]:
    """The cards of a whole walk by its own next links, and the totals that its pages state."""
    portal, entries, totals = portal_at(site), list[ManifestEntry](), set[int | None]()
    following: int | None = 1
    while following:
        url = portal.page_url(scope, following, part)
        answer = site.ask(url.removeprefix(site.base_url))
        assert answer.status == 200, url
        page = portal.listing_page(HttpResponse(url=url, body=answer.body, status=200, headers=answer.headers))
        entries.extend(page.entries)
        totals.add(page.stated_total)
        following = page.next_page
    return entries, totals


def ids(listings: Iterable[Listing]) -> list[str]:
    return [f"pincali:{listing.public_id}" for listing in listings]


def shows(site: Site, part: Part, truth: Iterable[Listing], scope: str = "sale") -> bool:
    entries, totals = walk(site, scope, part)
    listed = [entry.property_id for entry in entries]
    assert totals == {len(listed)}
    return listed == ids(truth)


def prices(low: int | None, high: int | None, operation: Operation = Operation.SALE) -> Part:
    return Part(price_from=low, price_to=high, currency="MXN", operation=operation)


def test_every_type_has_a_walk_and_together_they_are_the_scope(uncapped: Site) -> None:
    for kind in PropertyType:
        assert shows(uncapped, Part(property_type=kind), [one for one in SALE if one.property_type is kind])


def test_every_state_has_a_walk_also_where_nothing_is_for_sale(uncapped: Site) -> None:
    sizes = {}
    for slug, state in PLACES.items():
        truth = [one for one in SALE if one.place.state == state]
        assert shows(uncapped, Part(place=slug), truth)
        sizes[slug] = len(truth)
    assert sum(sizes.values()) == len(SALE)
    assert sizes["tlaxcala"] == 0


def test_type_state_and_price_go_together(uncapped: Site) -> None:
    part = Part(
        property_type=PropertyType.HOUSE,
        place="nuevo-leon",
        price_from=2_000_000,
        price_to=9_000_000,
        currency="MXN",
        operation=Operation.SALE,
    )
    truth = [
        one
        for one in SALE
        if one.property_type is PropertyType.HOUSE
        and one.place.state == "Nuevo León"
        and (pesos := one.pesos(Operation.SALE)) is not None
        and 2_000_000 <= pesos <= 9_000_000
    ]
    assert truth
    assert shows(uncapped, part, truth)


def test_ranges_are_inclusive_and_leave_out_what_has_no_total_price(uncapped: Site) -> None:
    priced = sorted(pesos for one in SALE if (pesos := one.pesos(Operation.SALE)) is not None)
    middle = int(priced[len(priced) // 2])
    low, _ = walk(uncapped, "sale", prices(None, middle))
    high, _ = walk(uncapped, "sale", prices(middle + 1, None))
    assert len(low) + len(high) == len(priced) < len(SALE)
    assert not {entry.property_id for entry in low} & {entry.property_id for entry in high}
    exactly, _ = walk(uncapped, "sale", prices(middle, middle))
    assert 1 <= len(exactly) == sum(pesos == middle for pesos in priced)
    unpriced = [one for one in SALE if one.pesos(Operation.SALE) is None]
    assert {offer.unit if offer.amount else None for one in unpriced for offer in one.offers} == {None, PriceUnit.SQUARE_METER}


def test_a_price_in_dollars_is_compared_by_its_value_in_pesos(uncapped: Site) -> None:
    listing = next(one for one in SALE if one.offers[0].currency == "USD")
    pesos = int((listing.offers[0].amount or 0) * PESOS_PER_DOLLAR)
    entries, _ = walk(uncapped, "sale", prices(pesos, pesos))
    assert f"pincali:{listing.public_id}" in {entry.property_id for entry in entries}


def test_a_listing_with_two_offers_is_filtered_by_that_of_the_scope(uncapped: Site) -> None:
    both = next(one for one in SALE if len(one.offers) == 2)
    rent = int(both.pesos(Operation.RENT) or 0)
    rented, _ = walk(uncapped, "rent", prices(rent, rent, Operation.RENT))
    sold, _ = walk(uncapped, "sale", prices(rent, rent))
    assert f"pincali:{both.public_id}" in {entry.property_id for entry in rented}
    assert sold == []


def test_the_cap_holds_for_each_walk_of_its_own() -> None:
    app = create_app(WORLD, page_size=10, page_cap=2)
    with serve(app) as base_url:
        site = Site(base_url, app, WORLD)
        for path in ("/en/properties/properties-for-sale", "/en/properties/houses-for-sale"):
            assert [site.ask(f"{path}?page={page}").status for page in (2, 3)] == [200, 404]


@pytest.mark.parametrize(
    ("ignored", "part", "rest"),
    [
        ("type", Part(property_type=PropertyType.HOUSE, place="jalisco"), Part(place="jalisco")),
        ("place", Part(property_type=PropertyType.HOUSE, place="jalisco"), Part(property_type=PropertyType.HOUSE)),
        ("price", Part(place="jalisco", price_to=10, currency="MXN", operation=Operation.SALE), Part(place="jalisco")),
    ],
)
def test_an_ignored_filter_changes_nothing(uncapped: Site, ignored: str, part: Part, rest: Part) -> None:
    app = create_app(WORLD, page_cap=None, ignores=frozenset({ignored}))  # type: ignore[arg-type]
    with serve(app) as base_url:
        found, totals = walk(Site(base_url, app, WORLD), "sale", part)
    expected, _ = walk(uncapped, "sale", rest)
    assert found == expected
    assert totals == {len(expected)}


@pytest.mark.parametrize(
    "path",
    [
        "/en/properties/castles-for-sale",
        "/en/properties/houses-for-sale-in-atlantis",
        "/en/properties/houses-for-foreclosure",
        "/en/properties/houses-for-sale-in-",
        "/en/properties/casas-for-sale",
        "/inmuebles/houses-en-venta",
        "/inmuebles/casas-en-venta-en-atlantis",
        "/en/properties/houses-for-sale?page=9999",
    ],
)
def test_slugs_that_name_nothing_are_404(site: Site, path: str) -> None:
    assert site.ask(path).status == 404


@pytest.mark.parametrize("query", ["min_price=x", "min_price=", "max_price=%C2%B2", "max_price=-5", "currency_id=1&max_price=5"])
def test_a_bound_that_cannot_be_read_filters_nothing(site: Site, query: str) -> None:
    total = one(site.ask(f"/en/properties/properties-for-sale?{query}").tree, "[data-total]").attributes["data-total"]
    assert total == str(len(site.world.by_operation[Operation.SALE]))


def test_links_of_a_filtered_page_keep_its_filters(site: Site) -> None:
    path = "/en/properties/properties-for-sale-in-jalisco?currency_id=10&min_price=1&max_price=90000000"
    tree = site.ask(path).tree
    assert one(tree, "span.next a").attributes["href"] == f"{path}&page=2"
    assert one(tree, "[data-total]").attributes["data-has-filters"] == "true"
    assert one(tree, 'link[hreflang="es-MX"]').attributes["href"] == (
        "https://www.pincali.com/inmuebles/propiedades-en-venta-en-jalisco"
    )
    assert "in Jalisco" in one(tree, "title").text()


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("operation", [Operation.SALE, Operation.RENT])
def test_every_path_reads_back(language: str, operation: Operation) -> None:
    said = "en" if language == "en" else "es"
    for kind in (None, *TYPE_SLUGS):
        for place in (None, *PLACES):
            filters = Filters(property_type=kind, place=place)
            slug = walk_path(SCOPE_OF[operation], filters, said).rpartition("/")[2]
            assert read_walk(slug, {}, said) == (SCOPE_OF[operation], filters)
    for scope in SCOPES:
        assert read_walk(scope.slug.said(said), {}, said) == (scope, ALL)


def test_ten_thousand_listings_are_made_and_split_in_seconds() -> None:
    start = perf_counter()
    world = World.create(10_000)
    pages = Pages(world, page_size=24, page_cap=100)
    listed = sum(
        len(pages.listed(SCOPE_OF[Operation.SALE], Filters(property_type=kind, place=place)))
        for kind in TYPE_SLUGS
        for place in PLACES
    )
    assert listed == len(world.by_operation[Operation.SALE])
    assert perf_counter() - start < 20
