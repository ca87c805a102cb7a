"""Listing pages into the manifest."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import attrs
import pytest
from sqlalchemy import Engine

from propspider.items import CrawlError, ErrorType, ManifestPage, Offer, PropertyItem
from propspider.sync import arrivals, queue, sweeps
from propspider.sync.promote import promote
from propspider.sync.runs import Counts, SessionRef
from tests.builders import PORTAL, at, column, entry, item, listing, new_session, offer, one, page, rows, run, scalar, url_of
from tests.sync.steps import claim


@pytest.fixture
def session(engine: Engine) -> SessionRef:
    return new_session(engine)


def record(engine: Engine, session: SessionRef, *pages: ManifestPage, pages_wanted: int = 0) -> Counts:
    with engine.begin() as connection:
        return arrivals.record_pages(connection, session, pages, pages_wanted=pages_wanted)


def scrape(engine: Engine, session: SessionRef, *items: PropertyItem) -> Counts:
    with engine.begin() as connection:
        return promote(connection, session, items)


def lose(engine: Engine, session: SessionRef, errors: Sequence[CrawlError]) -> None:
    with engine.begin() as connection:
        sweeps.record_failures(connection, session, errors, pages_wanted=0)


def settle_queue(engine: Engine) -> None:
    run(engine, "UPDATE scrape_queue SET status = 'completed', completed_at = now() WHERE status = 'pending'")


def card(engine: Engine) -> dict[str, Any]:
    return one(engine, "SELECT * FROM property_manifest")


def offers(engine: Engine) -> list[tuple[Any, ...]]:
    query = "SELECT operation, unit, kind, amount, amount_max, currency FROM property_offers ORDER BY 1, 2"
    return [tuple(row.values()) for row in rows(engine, query)]


def history(engine: Engine) -> list[tuple[Any, ...]]:
    query = (
        "SELECT field_name, old_value, new_value, change_reason FROM property_changes WHERE change_type = 'updated' ORDER BY id"
    )
    return [tuple(row.values()) for row in rows(engine, query)]


# --- cards ---


def test_a_card_not_seen_before_is_stored_counted_and_queued(engine: Engine, session: SessionRef) -> None:
    counts = record(engine, session, page(entry(1), entry(2), minute=3))
    assert (counts.pages, counts.entries, counts.found, counts.queued, counts.price_changes) == (1, 2, 2, 2, 0)
    first = rows(engine, "SELECT * FROM property_manifest ORDER BY property_id")[0]
    assert (first["property_id"], first["source_url"], first["listing_page_title"]) == (listing(1), url_of(listing(1)), "A house")
    assert (first["latitude"], first["longitude"], first["exact_location"]) == (20.5, -103.25, True)
    assert (first["first_seen_at"], first["first_seen_session_id"]) == (at(3), session.id)
    assert column(engine, "SELECT queue_reason FROM scrape_queue") == ["new_property", "new_property"]


def test_a_known_card_writes_nothing_and_is_not_found_again(engine: Engine, session: SessionRef) -> None:
    record(engine, session, page(entry(1)))
    before = scalar(engine, "SELECT xmin::text FROM property_manifest")
    counts = record(engine, session, page(entry(1), minute=60))
    assert (counts.found, counts.queued) == (0, 0)
    assert scalar(engine, "SELECT xmin::text FROM property_manifest") == before


def test_a_changed_card_is_written_and_keeps_its_first_sight(engine: Engine, session: SessionRef) -> None:
    record(engine, session, page(entry(1)))
    assert record(engine, session, page(entry(1, title="A bigger house", latitude=21.0), minute=60)).found == 0
    stored = card(engine)
    assert (stored["listing_page_title"], stored["latitude"], stored["longitude"]) == ("A bigger house", 21.0, -103.25)
    assert (stored["first_seen_at"], stored["observed_at"]) == (at(0), at(60))


def test_what_a_card_does_not_say_is_kept(engine: Engine, session: SessionRef) -> None:
    record(engine, session, page(entry(1, internal_id="7001")))
    silent = {"title": None, "latitude": None, "longitude": None, "exact_location": None, "property_type": None, "offers": None}
    record(engine, session, page(entry(1, **silent), minute=60))
    stored = card(engine)
    assert (stored["listing_page_title"], stored["latitude"], stored["exact_location"]) == ("A house", 20.5, True)
    assert (stored["property_type"], stored["internal_id"]) == ("house", "7001")
    assert offers(engine) == [("sale", "total", "exact", Decimal("4650000.00"), None, "MXN")]


def test_an_older_page_overwrites_nothing(engine: Engine, session: SessionRef) -> None:
    record(engine, session, page(entry(1, offer(200), title="New", source_url="https://www.pincali.com/en/home/new"), minute=60))
    counts = record(engine, session, page(entry(1, offer(100), title="Old", source_url="https://www.pincali.com/en/home/old")))
    stored = card(engine)
    assert (stored["listing_page_title"], stored["source_url"]) == ("New", "https://www.pincali.com/en/home/new")
    assert [row[3] for row in offers(engine)] == [Decimal(200)]
    assert counts.price_changes == 0


def test_a_page_older_than_the_last_sighting_overwrites_nothing_although_that_one_changed_nothing(
    engine: Engine, session: SessionRef
) -> None:
    record(engine, session, page(entry(1, offer(200), title="Same")))
    record(engine, session, page(entry(1, offer(200), title="Same"), minute=60))
    record(engine, session, page(entry(1, offer(100), title="Late"), minute=30))
    assert card(engine)["listing_page_title"] == "Same"
    assert [row[3] for row in offers(engine)] == [Decimal(200)]


def test_a_listing_on_two_pages_of_a_batch_is_stored_once_by_its_newer_card(engine: Engine, session: SessionRef) -> None:
    newer = page(entry(1, offer(200), title="Newer"), minute=2, number=2)
    older = page(entry(1, offer(100), title="Older"), minute=1, number=1)
    counts = record(engine, session, newer, older)
    assert (counts.pages, counts.entries, counts.found, counts.queued) == (2, 2, 1, 1)
    assert card(engine)["listing_page_title"] == "Newer"
    assert [row[3] for row in offers(engine)] == [Decimal(200)]
    assert one(engine, "SELECT last_seen_at, page_number FROM manifest_sightings") == {"last_seen_at": at(2), "page_number": 2}


def test_two_pages_of_a_batch_say_as_much_as_two_batches(engine: Engine, session: SessionRef) -> None:
    sale = page(entry(1, offer(200), title="Full", internal_id="7001"), minute=1)
    rent = page(entry(1, offer(9, operation="rent"), title=None, latitude=None, longitude=None), minute=2, scope="rent")
    record(engine, session, sale, rent)
    stored = card(engine)
    assert (stored["listing_page_title"], stored["latitude"], stored["internal_id"]) == ("Full", 20.5, "7001")
    assert [(row[0], row[3]) for row in offers(engine)] == [("rent", Decimal(9)), ("sale", Decimal(200))]


def test_a_page_that_does_not_say_when_it_was_fetched_is_refused(engine: Engine, session: SessionRef) -> None:
    with pytest.raises(ValueError, match="when it was fetched"):
        record(engine, session, page(entry(1), observed_at=None))
    assert rows(engine, "SELECT * FROM property_manifest") == []


# --- sightings and sweeps ---


def test_a_stamp_only_grows(engine: Engine, session: SessionRef) -> None:
    late = new_session(engine)
    record(engine, late, page(entry(1), minute=60, number=7))
    record(engine, session, page(entry(1), minute=0, number=2))
    stamp = one(engine, "SELECT * FROM manifest_sightings")
    assert (stamp["last_seen_at"], stamp["last_priced_at"], stamp["page_number"]) == (at(60), at(60), 7)
    assert stamp["last_sweep"] == scalar(engine, "SELECT max(id) FROM sweeps")


def test_a_card_without_a_price_is_seen_but_not_priced(engine: Engine, session: SessionRef) -> None:
    record(engine, session, page(entry(1), minute=1))
    record(engine, session, page(entry(1, offers=None), minute=2))
    stamp = one(engine, "SELECT last_seen_at, last_priced_at FROM manifest_sightings")
    assert (stamp["last_seen_at"], stamp["last_priced_at"]) == (at(2), at(1))


def test_a_sweep_adds_up_its_pages(engine: Engine, session: SessionRef) -> None:
    record(engine, session, page(entry(1), entry(2), stated_total=5, cards=3), pages_wanted=10)
    record(engine, session, page(entry(3), stated_total=None, number=2, cap_hit=True), pages_wanted=10)
    record(engine, session, page(entry(4), stated_total=6, number=3), page(entry(5), scope="rent"), pages_wanted=10)
    sale = one(engine, "SELECT * FROM sweeps WHERE scope = 'sale'")
    assert (sale["pages_wanted"], sale["pages_fetched"], sale["pages_failed"]) == (10, 3, 0)
    assert (sale["cards"], sale["entries"], sale["cap_hit"]) == (5, 4, True)
    assert (sale["first_stated_total"], sale["last_stated_total"], sale["status"]) == (5, 6, "running")
    pages = rows(engine, "SELECT * FROM sweep_pages WHERE sweep_id = :id ORDER BY page", id=sale["id"])
    assert [row["property_ids"] for row in pages] == [[listing(1), listing(2)], [listing(3)], [listing(4)]]


def test_lost_pages_are_counted_and_a_missing_one_ends_the_walk_at_its_cap(engine: Engine, session: SessionRef) -> None:
    def error(error_type: ErrorType, page: int | None, scope: str | None = "sale") -> CrawlError:
        return CrawlError(portal=PORTAL, error_type=error_type, message="x", scope=scope, page=page)

    record(engine, session, page(entry(1)))
    lose(engine, session, [error(ErrorType.DOWNLOAD, 2), error(ErrorType.GONE, 101), error(ErrorType.CARD, 1)])
    lose(engine, session, [error(ErrorType.GONE, 1, "rent"), error(ErrorType.HTTP_STATUS, None, None)])
    lose(engine, session, [error(ErrorType.CARD, 1, "foreclosure")])
    sweeps = rows(engine, "SELECT scope, pages_fetched, pages_failed, cap_hit FROM sweeps ORDER BY scope")
    assert [tuple(row.values()) for row in sweeps] == [("rent", 0, 1, False), ("sale", 1, 1, True)]


# --- offers ---


def test_a_card_with_two_operations_in_two_currencies_keeps_both(engine: Engine, session: SessionRef) -> None:
    record(engine, session, page(entry(1, offer(43_000_000), offer(12_000, "USD", "rent"))))
    assert offers(engine) == [
        ("rent", "total", "exact", Decimal(12000), None, "USD"),
        ("sale", "total", "exact", Decimal(43_000_000), None, "MXN"),
    ]


def test_price_kinds_and_units_are_kept_apart(engine: Engine, session: SessionRef) -> None:
    found = (offer(None), offer(500, operation="rent", amount_max=900), offer(8800, operation="foreclosure", unit="square_meter"))
    record(engine, session, page(entry(1, *found)))
    assert offers(engine) == [
        ("foreclosure", "square_meter", "exact", Decimal(8800), None, "MXN"),
        ("rent", "total", "range", Decimal(500), Decimal(900), "MXN"),
        ("sale", "total", "on_request", None, None, None),
    ]


def test_an_amount_finer_than_a_cent_is_no_change_when_it_comes_again(engine: Engine, session: SessionRef) -> None:
    record(engine, session, page(entry(1, offer("0.505", unit="square_meter"))))
    assert record(engine, session, page(entry(1, offer("0.505", unit="square_meter")), minute=60)).price_changes == 0


def live_listing(engine: Engine, session: SessionRef, *found: Offer) -> None:
    """A listing whose card and detail page agree, settled in the queue."""
    first = found or (offer(1_000_000),)
    record(engine, session, page(entry(1, *first)))
    scrape(engine, session, item(1, *first, minute=10))
    settle_queue(engine)


def live(engine: Engine) -> dict[str, Any]:
    return one(engine, "SELECT * FROM properties_live")


def test_a_list_price_reaches_live_with_its_history_and_forgets_the_hash(engine: Engine, session: SessionRef) -> None:
    live_listing(engine, session)
    assert scalar(engine, "SELECT content_hash FROM property_state") is not None
    counts = record(engine, session, page(entry(1, offer(900_000)), minute=20))
    assert (counts.price_changes, counts.queued) == (1, 1)
    row = live(engine)
    assert (row["price"], row["price_per_m2"], row["currency"], row["scraped_at"]) == (900_000, 9000, "MXN", at(20))
    changed = {change[0]: change[1:] for change in history(engine)}
    assert changed["price"] == (1_000_000, 900_000, "list price")
    assert changed.keys() == {"price", "price_per_m2", "offers"}
    assert set(column(engine, "SELECT observed_at FROM property_changes WHERE change_type = 'updated'")) == {at(20)}
    assert scalar(engine, "SELECT content_hash FROM property_state") is None
    assert column(engine, "SELECT queue_reason FROM scrape_queue WHERE status = 'pending'") == ["price_change"]


@pytest.mark.parametrize(
    ("before", "after", "is_queued"),
    [
        (offer(1_000_000), offer(1_010_001), True),
        (offer(1_000_000), offer(1_009_999), False),
        (offer(1_000_000), offer(1_010_000), False),
        (offer(40_000_000), offer(40_020_001), True),
        (offer(40_000_000), offer(40_019_000), False),
        (offer(1_000_000, "USD"), offer(1_001_001, "USD"), True),
        (offer(1_000_000, "USD"), offer(999_000, "USD"), False),
        (offer(1_000_000, "CHF"), offer(1_009_000, "CHF"), False),
        (offer(1_000_000), offer(None), True),
        (offer(None), offer(1_000_000), True),
        (offer(1_000_000), offer(1_000_000, kind="from"), True),
        (offer(100, amount_max=200), offer(100, amount_max=300), True),
        (offer(1000, amount_max=2000), offer(1000, amount_max=2005), False),
    ],
)
def test_every_list_price_is_written_and_only_a_real_move_is_worth_a_request(
    engine: Engine, session: SessionRef, before: Offer, after: Offer, is_queued: bool
) -> None:
    live_listing(engine, session, before)
    counts = record(engine, session, page(entry(1, after), minute=20))
    assert (counts.price_changes, counts.queued) == (1, int(is_queued))
    assert [change[3] for change in history(engine)] != []
    assert live(engine)["price"] == after.amount


def test_a_price_on_request_leaves_no_price(engine: Engine, session: SessionRef) -> None:
    live_listing(engine, session)
    record(engine, session, page(entry(1, offer(None)), minute=20))
    row = live(engine)
    assert (row["price"], row["currency"], row["price_per_m2"], row["operation_type"]) == (None, None, None, "sale")


def test_a_price_per_m2_never_stands_for_a_price(engine: Engine, session: SessionRef) -> None:
    live_listing(engine, session, offer(8800, unit="square_meter"))
    row = live(engine)
    assert (row["price"], row["price_per_m2"], row["currency"]) == (None, 8800, "MXN")
    record(engine, session, page(entry(1, offer(2_000_000)), minute=20))
    row = live(engine)
    assert (row["price"], row["price_per_m2"]) == (2_000_000, 20_000)


def test_a_list_price_of_another_operation_leaves_the_primary_one(engine: Engine, session: SessionRef) -> None:
    live_listing(engine, session, offer(9_000, operation="rent"))
    counts = record(engine, session, page(entry(1, offer(2_000_000)), minute=20))
    assert counts.price_changes == 0
    row = live(engine)
    assert (row["operation_type"], row["price"], len(row["offers"])) == ("rent", 9_000, 2)
    assert [change[0] for change in history(engine)] == ["offers"]


def test_a_list_price_older_than_the_detail_page_changes_nothing(engine: Engine, session: SessionRef) -> None:
    live_listing(engine, session)
    counts = record(engine, session, page(entry(1, offer(1)), minute=5))
    assert (counts.price_changes, counts.queued, history(engine)) == (0, 0, [])
    assert live(engine)["price"] == 1_000_000


# --- queue ---


def test_a_listing_without_a_detail_page_is_queued_again_once_its_row_is_gone(engine: Engine, session: SessionRef) -> None:
    record(engine, session, page(entry(1)))
    settle_queue(engine)
    assert record(engine, session, page(entry(1), minute=60)).queued == 1


def test_a_dead_letter_waits_for_requeue(engine: Engine, session: SessionRef) -> None:
    record(engine, session, page(entry(1)))
    for _ in range(3):
        (row,) = claim(engine)
        with engine.begin() as connection:
            queue.fail(connection, [queue.Failure(row.claim, "gone: status 404")])
        run(engine, "UPDATE scrape_queue SET not_before = NULL")
    assert record(engine, session, page(entry(1), minute=60)).queued == 0
    with engine.begin() as connection:
        assert queue.requeue(connection) == 1


# --- provisional ids ---

PROVISIONAL = f"{PORTAL}:~7001"


def test_a_card_that_shows_only_a_known_number_is_that_listings(engine: Engine, session: SessionRef) -> None:
    record(engine, session, page(entry(1, internal_id="7001")))
    counts = record(engine, session, page(entry(PROVISIONAL, internal_id="7001", title="Again"), minute=60))
    assert counts.found == 0
    assert (card(engine)["property_id"], card(engine)["listing_page_title"]) == (listing(1), "Again")
    last = one(engine, "SELECT property_ids FROM sweep_pages WHERE observed_at = :at", at=at(60))
    assert last["property_ids"] == [listing(1)]


def test_a_provisional_listing_becomes_the_one_that_its_detail_page_names(engine: Engine, session: SessionRef) -> None:
    record(engine, session, page(entry(PROVISIONAL, offer(10), internal_id="7001", title="Card"), minute=1))
    with engine.begin() as connection:
        (row,) = queue.claim(connection, PORTAL, batch=1, worker="w", session_id=session.id, lease_seconds=60)
    read = item(1, offer(10), minute=2, internal_id="7001")
    counts = scrape(engine, session, attrs.evolve(read, claim=row.claim))
    assert counts.new == 1
    for table in ("property_manifest", "manifest_sightings", "property_offers", "property_state", "properties_live"):
        assert column(engine, f"SELECT DISTINCT property_id FROM {table}") == [listing(1)]  # noqa: S608
    assert card(engine)["first_seen_at"] == live(engine)["first_seen_at"] == at(1)
    assert column(engine, "SELECT status FROM scrape_queue") == ["completed"]
    assert record(engine, session, page(entry(PROVISIONAL, offer(10), internal_id="7001"), minute=60)).found == 0
    assert column(engine, "SELECT property_id FROM property_manifest") == [listing(1)]


def test_merging_keeps_the_newer_offer_and_the_earlier_first_sight(engine: Engine, session: SessionRef) -> None:
    record(engine, session, page(entry(PROVISIONAL, offer(10), offer(3, operation="rent"), title="Card"), minute=1))
    record(engine, session, page(entry(1, offer(20), title="Named"), minute=5))
    with engine.begin() as connection:
        claims = queue.claim(connection, PORTAL, batch=5, worker="w", session_id=session.id, lease_seconds=60)
    claim = next(row.claim for row in claims if row.claim.property_id == PROVISIONAL)
    scrape(engine, session, attrs.evolve(item(1, offers=None, minute=6), claim=claim))
    stored = card(engine)
    assert (stored["property_id"], stored["listing_page_title"], stored["first_seen_at"]) == (listing(1), "Named", at(1))
    assert [(row[0], row[3]) for row in offers(engine)] == [("rent", Decimal(3)), ("sale", Decimal(20))]
    assert one(engine, "SELECT count(*) AS n, max(last_seen_at) AS seen FROM manifest_sightings") == {"n": 1, "seen": at(5)}


# --- views ---


def test_the_status_view_says_what_is_new_and_what_needs_a_scrape(engine: Engine, session: SessionRef) -> None:
    record(engine, session, page(entry(1, offer(1000)), minute=1))
    status = one(engine, "SELECT * FROM manifest_status")
    assert (status["is_new"], status["price_changed"], status["needs_full_scrape"]) == (True, False, True)
    assert (status["listing_page_price"], status["last_seen_at"]) == (1000, at(1))
    assert status["seen_in_session_id"] == session.id
    scrape(engine, session, item(1, offer(1000), minute=2))
    status = one(engine, "SELECT * FROM manifest_status")
    assert (status["is_new"], status["price_changed"], status["needs_full_scrape"]) == (False, False, False)
    record(engine, session, page(entry(1, offer(1100)), minute=3))
    status = one(engine, "SELECT * FROM manifest_status")
    assert (status["is_new"], status["price_changed"], status["needs_full_scrape"]) == (False, True, True)
    fresh = one(engine, "SELECT * FROM property_freshness")
    assert (fresh["price_at_last_manifest"], fresh["scrape_priority"], fresh["consecutive_missing_count"]) == (1100, 2, 0)
    assert (fresh["last_seen_at"], fresh["last_full_scrape_at"]) == (at(3), at(2))
