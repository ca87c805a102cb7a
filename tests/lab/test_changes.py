"""Worlds that a test changes, and a portal whose world changes while it is served."""

import attrs
import pytest
from web_poet import HttpResponse

from propspider import portals
from propspider.items import Operation, PriceKind, PriceUnit
from propspider.lab.pages import SOLD_TEXT, WITHDRAWN_TEXT
from propspider.lab.server import create_app, set_world
from propspider.lab.serving import serve
from propspider.lab.world import Standing, World
from propspider.portals import Judgement

from .client import Site, one

WORLD = World.create(60)
FIRST = WORLD.listings[0]
BOTH = next(listing for listing in WORLD.listings if len(listing.offers) == 2)


def total(site: Site, path: str = "/en/properties/properties-for-sale") -> int:
    return int(one(site.ask(path).tree, "[data-total]").attributes["data-total"] or "")


def test_without_takes_listings_out_and_leaves_the_world_as_it_was() -> None:
    smaller = WORLD.without([FIRST.public_id, BOTH.public_id])
    assert len(smaller.listings) == 58
    assert FIRST.slug not in smaller.by_slug
    assert FIRST.slug in WORLD.by_slug
    assert (smaller.seed, smaller.day, smaller.now) == (WORLD.seed, WORLD.day, WORLD.now)
    with pytest.raises(KeyError):
        WORLD.without(["EB-NO0000"])


def test_with_replaces_by_id_adds_by_number_and_brings_back() -> None:
    priced = attrs.evolve(FIRST, postal_code="00000")
    assert WORLD.with_(priced).by_id[FIRST.public_id].postal_code == "00000"
    assert len(WORLD.with_(priced).listings) == 60
    newer = attrs.evolve(FIRST, number=1000, public_id="EB-NW1000", internal_id="9991000", slug="newer")
    assert WORLD.with_(newer).listings[:2] == (newer, FIRST)
    assert WORLD.without([BOTH.public_id]).with_(BOTH) == WORLD
    with pytest.raises(ValueError, match="one id or one slug"):
        WORLD.with_(attrs.evolve(newer, slug=FIRST.slug))


def test_a_lost_offer_leaves_the_other() -> None:
    changed = WORLD.without_offer(BOTH.public_id, Operation.RENT)
    assert changed.by_id[BOTH.public_id].operations == {Operation.SALE}
    assert len(changed.by_operation[Operation.RENT]) == len(WORLD.by_operation[Operation.RENT]) - 1
    for operation in (Operation.SALE, Operation.RENT):
        with pytest.raises(ValueError, match="beside another"):
            changed.without_offer(BOTH.public_id, operation)


def test_shares_of_prices() -> None:
    world = World.create(2000, without_price=0.2, in_dollars=0.5)
    single = [listing.offers[0] for listing in world.listings if len(listing.offers) == 1]
    unpriced = sum(offer.kind is PriceKind.ON_REQUEST for offer in single) / len(single)
    totals = [offer for offer in single if offer.amount is not None and offer.unit is PriceUnit.TOTAL]
    dollars = sum(offer.currency == "USD" for offer in totals) / len(totals)
    assert 0.17 < unpriced < 0.23
    assert 0.46 < dollars < 0.54
    assert world == World.create(2000, without_price=0.2, in_dollars=0.5)


def test_a_world_where_every_listing_has_a_price_in_pesos() -> None:
    world = World.create(300, without_price=0, in_dollars=0, day=2)
    assert {listing.offers[0].currency for listing in world.listings} == {"MXN"}


def test_a_portal_changes_between_two_requests() -> None:
    app = create_app(WORLD)
    with serve(app) as base_url:
        site = Site(base_url, app, WORLD)
        before = total(site)
        changed = WORLD.without([BOTH.public_id]).renamed(FIRST.public_id, "moved-here")
        set_world(app, changed)
        assert total(site) == before - 1
        assert site.ask(f"/en/home/{BOTH.slug}").status == 404
        assert [site.ask(f"/en/home/{slug}").status for slug in (FIRST.slug, "moved-here")] == [404, 200]
        set_world(app, WORLD)
        assert total(site) == before
        assert site.ask(f"/en/home/{BOTH.slug}").status == 200


@pytest.mark.parametrize(
    ("standing", "text", "judgement"),
    [
        (Standing.SOLD, SOLD_TEXT, Judgement.SOLD),
        (Standing.WITHDRAWN, WITHDRAWN_TEXT, Judgement.WITHDRAWN),
    ],
)
def test_a_listing_that_is_sold_or_withdrawn_says_so_and_is_on_no_listing_page(
    standing: Standing, text: tuple[str, str], judgement: Judgement
) -> None:
    portal = portals.load("pincali")
    app = create_app(WORLD.marked(BOTH.public_id, standing), page_size=200)
    with serve(app) as base_url:
        site = Site(base_url, app, WORLD)
        for path, said in ((f"/en/home/{BOTH.slug}", text[0]), (f"/inmueble/{BOTH.slug}", text[1])):
            answer = site.ask(path)
            response = HttpResponse(url=base_url + path, body=answer.body, status=answer.status, headers=answer.headers)
            assert answer.status == 200
            assert one(answer.tree, ".listing__banner").text() == said
            assert portal.judge(response, "detail")[0] is judgement
        for path in ("properties-for-sale", "properties-for-rent"):
            assert BOTH.slug not in site.ask(f"/en/properties/{path}").text
        neighbour = site.ask(f"/en/home/{WORLD.by_operation[Operation.SALE][0].slug}")
        assert neighbour.tree.css_first(".listing__banner") is None
