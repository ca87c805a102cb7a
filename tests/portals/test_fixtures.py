import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from web_poet.testing import Fixture

from propspider import portals
from propspider.items import Offer, Operation, PropertyItem
from propspider.portals.fixtures import FixtureItemAdapter, save

from .pincali.markup import card, detail_page, listing_page, response

PINCALI = portals.load("pincali")


def test_an_item_becomes_json_without_losing_a_field() -> None:
    item = PropertyItem(
        property_id="x:1",
        source_url="https://example.com/1",
        offers=(Offer(operation=Operation.SALE, amount=Decimal("1E+7"), currency="MXN"),),
        amenities={"A": ["b"]},
        lot_size_m2=Decimal("12.5"),
        listing_date=date(2026, 1, 2),
        published_at=datetime(2026, 1, 2, tzinfo=UTC),
        stated_empty=frozenset({"b", "a"}),
    )
    found = json.loads(json.dumps(FixtureItemAdapter(item).asdict()))
    assert found["offers"][0] | {"operation": "sale", "amount": "10000000.00", "kind": "exact"} == found["offers"][0]
    assert (found["lot_size_m2"], found["amenities"], found["stated_empty"]) == ("12.5", {"A": ["b"]}, ["a", "b"])
    assert (found["listing_date"], found["published_at"]) == ("2026-01-02", "2026-01-02T00:00:00+00:00")
    assert found["agent_name"] is None


def test_a_saved_page_reads_back_as_it_was(tmp_path: Path) -> None:
    first = save(PINCALI, "listing", response(listing_page(card())), tmp_path)
    second = save(PINCALI, "listing", response(listing_page(card())), tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in (first, second)] == [
        "propspider.portals.pincali.pages.ListingPage/test-1",
        "propspider.portals.pincali.pages.ListingPage/test-2",
    ]
    Fixture(first).assert_full_item_correct(PINCALI.page_class("listing"))
    detail = save(PINCALI, "detail", response(detail_page(), "/en/home/casa-uno"), tmp_path)
    Fixture(detail).assert_full_item_correct(PINCALI.page_class("detail"))


def test_cookies_never_reach_a_fixture(tmp_path: Path) -> None:
    folder = save(PINCALI, "listing", response(listing_page(card())), tmp_path)
    assert "session=1" not in (folder / "inputs" / "HttpResponse-info.json").read_text()


def test_the_refusal_of_an_unreadable_page_is_kept(tmp_path: Path) -> None:
    folder = save(PINCALI, "detail", response("<p>nothing</p>"), tmp_path)
    Fixture(folder).assert_toitem_exception(PINCALI.page_class("detail"))
    assert not (folder / "output.json").exists()
