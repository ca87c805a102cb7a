"""Detail pages into live."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import attrs
import pytest
from sqlalchemy import Engine

from propspider.items import Claim, ManifestPage, Offer, PropertyItem
from propspider.sync import arrivals, coverage, queue
from propspider.sync.promote import promote
from propspider.sync.queue import Want
from propspider.sync.runs import Counts, SessionRef
from tests.builders import PORTAL, at, column, entry, item, listing, new_session, offer, one, page, rows, run, scalar, url_of


@pytest.fixture
def session(engine: Engine) -> SessionRef:
    return new_session(engine, "detail")


def scrape(engine: Engine, session: SessionRef, *items: PropertyItem) -> Counts:
    with engine.begin() as connection:
        return promote(connection, session, items)


def record(engine: Engine, session: SessionRef, *pages: ManifestPage) -> Counts:
    with engine.begin() as connection:
        return arrivals.record_pages(connection, session, pages, pages_wanted=0)


def live(engine: Engine) -> dict[str, Any]:
    return one(engine, "SELECT * FROM properties_live")


def updates(engine: Engine) -> dict[str, tuple[Any, Any]]:
    found = rows(engine, "SELECT * FROM property_changes WHERE change_type = 'updated'")
    assert len({row["field_name"] for row in found}) == len(found)
    return {row["field_name"]: (row["old_value"], row["new_value"]) for row in found}


FULL: dict[str, Any] = {
    "title_original": "Una casa",
    "description_original": "Espacios con luz",
    "address": "Calle Robles 1",
    "street": "Calle Robles 1",
    "unit": "B",
    "door": "2",
    "neighborhood": "Las Palmas",
    "state": "Jalisco",
    "postal_code": "45010",
    "country": "MX",
    "exact_location": True,
    "bathrooms": 2,
    "half_bathrooms": 1,
    "parking_spaces": 2,
    "covered_area_m2": Decimal("80.50"),
    "lot_size_m2": Decimal("120.25"),
    "floor_number": -1,
    "total_floors": 9,
    "age_years": 4,
    "construction_year": 2022,
    "condition": "New",
    "features": ("3 bedrooms", "2 bathrooms"),
    "amenities": {"Exterior": ["Garden", "Terrace"]},
    "main_image_url": "https://images.example.com/1.jpg",
    "virtual_tour_url": "https://tours.example.com/1",
    "video_url": "https://video.example.com/1",
    "agent_name": "Ariadna Muestra",
    "agent_phone": "+525555550100",
    "agent_email": "ariadna@example.com",
    "agency_name": "Faro Azul Inmuebles",
    "message_url": "https://www.pincali.com/home/x/messages",
    "is_featured": True,
    "is_premium": False,
    "listing_date": date(2026, 2, 1),
    "published_at": datetime(2026, 2, 1, 8, tzinfo=UTC),
    "internal_id": "7001",
}


def test_a_new_listing_is_one_row_and_one_change_that_holds_all_of_it(engine: Engine, session: SessionRef) -> None:
    read = item(1, offer(5_000_000), offer(9000, "USD", "rent"), minute=5, **FULL)
    counts = scrape(engine, session, read)
    assert (counts.scraped, counts.new, counts.updated, counts.unchanged, counts.stored) == (1, 1, 0, 0, 1)
    row = live(engine)
    for name, value in FULL.items():
        assert row[name] == (list(value) if isinstance(value, tuple) else value), name
    assert (row["operation_type"], row["price"], row["currency"]) == ("sale", 5_000_000, "MXN")
    assert row["price_per_m2"] == Decimal("62111.80")
    assert [(one["operation"], one["amount"], one["currency"]) for one in row["offers"]] == [
        ("rent", 9000, "USD"),
        ("sale", 5_000_000, "MXN"),
    ]
    assert (row["scraped_at"], row["first_seen_at"], row["parser_version"]) == (at(5), at(5), session.parser_version)
    change = one(engine, "SELECT * FROM property_changes")
    assert (change["change_type"], change["field_name"], change["observed_at"]) == ("created", None, at(5))
    assert (change["session_id"], change["change_reason"]) == (session.id, "detail page")
    assert change["new_value"]["price"] == 5_000_000
    assert change["new_value"].keys() >= {*FULL, "offers", "operation_type", "title", "image_urls"}
    assert None not in change["new_value"].values()
    staged = one(engine, "SELECT * FROM property_scrapes_staging")
    assert (staged["change_type"], staged["processing_status"]) == ("new", "processed")


def test_what_the_server_derives_follows_the_row(engine: Engine, session: SessionRef) -> None:
    scrape(engine, session, item(1, latitude=0.0, longitude=90.0, title="Casa amueblada", neighborhood="Condesa"))
    row = live(engine)
    assert (row["status"], row["listing_status"], row["verification_status"]) == ("active", "active", "unverified")
    assert row["gps_coordinates"] == "0,90"
    x, y, z = (float(part) for part in row["location"].strip("()").split(", "))
    assert [x, y, z] == pytest.approx([0, 6378168, 0], abs=1e-6)
    assert rows(engine, "SELECT 1 FROM properties_live WHERE search_vector @@ plainto_tsquery('spanish', 'casas en condesa')")
    assert row["data_completeness_score"] == Decimal("0.80")
    run(engine, "UPDATE properties_live SET listing_status = 'confirmed_removed', latitude = NULL")
    row = live(engine)
    assert (row["status"], row["gps_coordinates"], row["location"]) == ("removed", None, None)
    run(engine, "UPDATE properties_live SET listing_status = 'sold'")
    assert live(engine)["status"] == "inactive"


def test_an_update_writes_one_change_a_field_and_only_where_it_differs(engine: Engine, session: SessionRef) -> None:
    scrape(engine, session, item(1, minute=0))
    counts = scrape(engine, session, item(1, minute=5, bedrooms=4, title="Changed", amenities={"Exterior": ["Garden"]}))
    assert (counts.updated, counts.new, counts.unchanged) == (1, 0, 0)
    assert updates(engine) == {
        "bedrooms": (3, 4),
        "title": ("A house", "Changed"),
        "amenities": (None, {"Exterior": ["Garden"]}),
    }
    scores = rows(engine, "SELECT field_name, confidence_score FROM property_changes WHERE change_type = 'updated'")
    confidence = {row["field_name"]: row["confidence_score"] for row in scores}
    assert confidence == {"bedrooms": Decimal("0.80"), "title": Decimal("0.80"), "amenities": Decimal("0.80")}
    assert live(engine)["scraped_at"] == at(5)


def test_the_same_page_again_writes_neither_live_nor_history(engine: Engine, session: SessionRef) -> None:
    scrape(engine, session, item(1, minute=0))
    before = one(engine, "SELECT xmin::text, ctid::text FROM properties_live")
    counts = scrape(engine, new_session(engine, "detail"), item(1, minute=5))
    assert (counts.unchanged, counts.updated) == (1, 0)
    assert one(engine, "SELECT xmin::text, ctid::text FROM properties_live") == before
    assert updates(engine) == {}
    assert scalar(engine, "SELECT observed_at FROM property_state") == at(5)
    staged = column(engine, "SELECT change_type FROM property_scrapes_staging ORDER BY id")
    assert staged == ["new"]


def test_a_page_that_is_known_by_its_hash_leaves_what_its_session_staged(engine: Engine, session: SessionRef) -> None:
    scrape(engine, session, item(1, minute=0), item(2, minute=0))
    scrape(engine, session, item(1, minute=5), item(2, minute=5, bedrooms=4))
    staged = rows(engine, "SELECT property_id, change_type FROM property_scrapes_staging ORDER BY property_id")
    assert [tuple(row.values()) for row in staged] == [(listing(1), "new"), (listing(2), "updated")]


def test_every_page_counts_for_what_a_session_has_filled(engine: Engine, session: SessionRef) -> None:
    scrape(engine, session, item(1, minute=0), item(2, minute=0, bedrooms=None))
    later = new_session(engine, "detail")
    scrape(engine, later, item(1, minute=5))
    bare = item(4, minute=5, image_urls=None)
    scrape(engine, later, item(2, minute=5, bedrooms=None), item(3, offers=None, minute=5), bare)
    scrape(engine, later, item(1, minute=1))
    with engine.begin() as connection:
        assert coverage.of_session(connection, new_session(engine, "detail").id) == (0, {})
        pages, shares = coverage.of_session(connection, later.id)
    assert pages == 5
    assert (shares["bedrooms"], shares["offers"], shares["images"]) == (0.8, 0.8, 0.8)


def test_another_hash_with_equal_values_writes_neither_live_nor_history(engine: Engine, session: SessionRef) -> None:
    scrape(engine, session, item(1, minute=0))
    before = scalar(engine, "SELECT xmin::text FROM properties_live")
    counts = scrape(engine, session, attrs.evolve(item(1, minute=5), content_hash="f" * 64))
    assert (counts.unchanged, counts.updated) == (1, 0)
    assert scalar(engine, "SELECT xmin::text FROM properties_live") == before
    assert updates(engine) == {}
    assert column(engine, "SELECT change_type FROM property_scrapes_staging") == ["unchanged"]


def test_what_a_page_does_not_state_is_kept_and_what_it_states_as_empty_is_cleared(engine: Engine, session: SessionRef) -> None:
    scrape(engine, session, item(1, minute=0, agent_name="Noa Simulada", agent_phone="+525555550100", features=("pool",)))
    silent = {"bedrooms": None, "agent_name": None, "agent_phone": None, "features": None}
    scrape(engine, session, item(1, minute=5, **silent, stated_empty=frozenset({"agent_phone", "features"})))
    row = live(engine)
    assert (row["bedrooms"], row["agent_name"], row["agent_phone"], row["features"]) == (3, "Noa Simulada", None, None)
    assert updates(engine) == {"agent_phone": ("+525555550100", None), "features": (["pool"], None)}


def test_an_older_page_changes_nothing(engine: Engine, session: SessionRef) -> None:
    scrape(engine, session, item(1, offer(200), minute=10))
    before = live(engine)
    counts = scrape(engine, new_session(engine, "detail"), item(1, offer(100), minute=5, bedrooms=9))
    assert (counts.outdated, counts.updated, counts.stored) == (1, 0, 1)
    assert live(engine) == before
    assert one(engine, "SELECT amount, observed_at FROM property_offers") == {"amount": 200, "observed_at": at(10)}
    assert scalar(engine, "SELECT observed_at FROM property_state") == at(10)
    staged = column(engine, "SELECT change_type FROM property_scrapes_staging ORDER BY id")
    assert staged == ["new", "outdated"]


def test_a_batch_that_brings_a_listing_twice_keeps_the_newer_read(engine: Engine, session: SessionRef) -> None:
    counts = scrape(engine, session, item(1, minute=9, bedrooms=4), item(1, minute=1, bedrooms=2))
    assert (counts.scraped, counts.new, counts.outdated) == (2, 1, 1)
    assert live(engine)["bedrooms"] == 4
    assert len(rows(engine, "SELECT * FROM property_scrapes_staging")) == 1


def test_a_session_that_reads_a_listing_again_stages_the_later_read(engine: Engine, session: SessionRef) -> None:
    scrape(engine, session, item(1, minute=0))
    scrape(engine, session, item(1, minute=5, bedrooms=4))
    assert one(engine, "SELECT bedrooms, change_type FROM property_scrapes_staging") == {"bedrooms": 4, "change_type": "updated"}


def test_a_detail_page_older_than_a_list_price_leaves_that_price_and_no_hash(engine: Engine, session: SessionRef) -> None:
    scrape(engine, session, item(1, offer(100), minute=0))
    record(engine, session, page(entry(1, offer(140)), minute=20))
    scrape(engine, session, item(1, offer(100), minute=10, bedrooms=4))
    row = live(engine)
    assert (row["price"], row["bedrooms"]) == (140, 4)
    assert scalar(engine, "SELECT content_hash FROM property_state") is None
    scrape(engine, session, item(1, offer(120), minute=30, bedrooms=4))
    assert live(engine)["price"] == 120
    assert scalar(engine, "SELECT content_hash FROM property_state") is not None


def test_a_list_price_that_went_back_is_not_hidden_by_a_hash(engine: Engine, session: SessionRef) -> None:
    scrape(engine, session, item(1, offer(100), minute=0))
    record(engine, session, page(entry(1, offer(140)), minute=10))
    scrape(engine, session, item(1, offer(100), minute=20))
    assert live(engine)["price"] == 100


def test_a_listing_first_seen_on_a_list_takes_its_price_and_first_sight_from_there(engine: Engine, session: SessionRef) -> None:
    record(engine, session, page(entry(1, offer(300)), minute=0))
    scrape(engine, session, item(1, offers=None, minute=5))
    row = live(engine)
    assert (row["price"], row["currency"], row["first_seen_at"]) == (300, "MXN", at(0))


@pytest.mark.parametrize(
    ("offers", "operation", "price"),
    [
        ((offer(9, operation="rent"), offer(100)), "sale", 100),
        ((offer(9, operation="rent"), offer(8, unit="square_meter")), "rent", 9),
        ((offer(7, operation="foreclosure"), offer(5, operation="new_construction")), "foreclosure", 7),
        ((offer(8, unit="square_meter"),), "sale", None),
        ((), None, None),
    ],
)
def test_the_first_primary_offer_is_a_total_and_for_sale_where_there_is_one(
    engine: Engine, session: SessionRef, offers: tuple[Offer, ...], operation: str | None, price: int | None
) -> None:
    scrape(engine, session, item(1, offers=offers))
    row = live(engine)
    assert (row["operation_type"], row["price"]) == (operation, price)


def test_the_primary_operation_sticks(engine: Engine, session: SessionRef) -> None:
    scrape(engine, session, item(1, offer(9, operation="rent"), minute=0))
    scrape(engine, session, item(1, offer(100), offer(10, operation="rent"), minute=5))
    row = live(engine)
    assert (row["operation_type"], row["price"], len(row["offers"])) == ("rent", 10, 2)
    assert updates(engine).keys() == {"price", "price_per_m2", "offers"}


def test_a_page_is_stored_and_its_claim_settled_together(engine: Engine, session: SessionRef) -> None:
    with engine.begin() as connection:
        queue.enqueue(connection, PORTAL, [Want(listing(n), url_of(listing(n)), "new_property") for n in (1, 2)])
        claimed = queue.claim(connection, PORTAL, batch=2, worker="w", session_id=session.id, lease_seconds=60)
    mine, taken_over = (row.claim for row in claimed)
    run(engine, "UPDATE scrape_queue SET lease_no = lease_no + 1 WHERE id = :id", id=taken_over.queue_id)
    scrape(engine, session, *(attrs.evolve(item(claim.property_id), claim=claim) for claim in (mine, taken_over)))
    statuses = {row["id"]: row["status"] for row in rows(engine, "SELECT * FROM scrape_queue")}
    assert statuses == {mine.queue_id: "completed", taken_over.queue_id: "in_progress"}
    assert len(rows(engine, "SELECT * FROM properties_live")) == 2


def test_an_outdated_page_settles_its_claim_too(engine: Engine, session: SessionRef) -> None:
    scrape(engine, session, item(1, minute=10))
    with engine.begin() as connection:
        queue.enqueue(connection, PORTAL, [Want(listing(1), url_of(listing(1)), "stale_data")])
        (row,) = queue.claim(connection, PORTAL, batch=1, worker="w", session_id=session.id, lease_seconds=60)
    scrape(engine, session, attrs.evolve(item(1, minute=5), claim=row.claim))
    assert column(engine, "SELECT status FROM scrape_queue") == ["completed"]


def test_an_item_that_does_not_say_when_it_was_fetched_is_refused(engine: Engine, session: SessionRef) -> None:
    with pytest.raises(ValueError, match="when it was fetched"):
        scrape(engine, session, item(1, observed_at=None))


def test_counts_carry_quality_and_warnings(engine: Engine, session: SessionRef) -> None:
    first = attrs.evolve(item(1, warnings=("a", "b")), data_completeness_score=Decimal("0.5"))
    counts = scrape(engine, session, first, item(2))
    assert (counts.warnings, counts.quality_sum) == (2, 0.5)


def test_nothing_of_a_failed_flush_stays(engine: Engine, session: SessionRef) -> None:
    def flush() -> None:
        with engine.begin() as connection:
            promote(connection, session, [item(1)])
            raise LookupError

    with pytest.raises(LookupError):
        flush()
    for table in ("properties_live", "property_changes", "property_offers", "property_state", "property_scrapes_staging"):
        assert rows(engine, f"SELECT * FROM {table}") == []  # noqa: S608


def test_a_claim_names_its_listing(engine: Engine, session: SessionRef) -> None:
    """A claim of an id that was never provisional settles with its own listing's page."""
    claim = Claim(queue_id=999, lease_no=1, property_id=listing(1))
    assert scrape(engine, session, attrs.evolve(item(1), claim=claim)).new == 1
