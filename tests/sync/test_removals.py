"""Missing, suspected, gone, back: what each step needs and what it writes."""

import attrs
import pytest
from sqlalchemy import Engine

from propspider.sync import candidates, queue
from propspider.sync.removals import open_cases
from tests.builders import PORTAL, at, column, entry, item, listing, offer, one, page, rows, run, scalar

from .steps import claim, flush_items, flush_pages
from .sweeps import DAY, SCOPES, case, claims, controls, ended, status, suspect, sweep, verify

HISTORY = (
    "SELECT old_value, new_value, change_type, change_reason FROM property_changes"
    " WHERE field_name = 'listing_status' ORDER BY id"
)


@pytest.fixture
def missing(engine: Engine) -> None:
    """Listing 1 of two was missed by two complete sweeps."""
    sweep(engine, 0, sale=[1, 2], rent=[])
    flush_items(engine, item(1, minute=10), item(2, minute=10))
    run(engine, "DELETE FROM scrape_queue")
    sweep(engine, DAY, sale=[2], rent=[])
    sweep(engine, 2 * DAY, sale=[2], rent=[])


def contents(engine: Engine, *more: str) -> dict[str, object]:
    tables = ("properties_live", "removal_cases", "property_changes", "property_offers", "url_aliases", *more)
    return {table: rows(engine, f"SELECT * FROM {table} ORDER BY 1") for table in tables}  # noqa: S608


def history(engine: Engine) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in rows(engine, HISTORY)]


# --- missing ---


@pytest.mark.usefixtures("missing")
def test_two_complete_sweeps_open_a_case(engine: Engine) -> None:
    run(engine, "UPDATE property_state SET content_hash = 'x'")
    assert suspect(engine) == 1
    assert (status(engine, 1), status(engine, 2)) == ("likely_removed", "active")
    assert (case(engine)["status"], case(engine)["scope"]) == ("open", "sale")
    evidence = rows(engine, "SELECT * FROM removal_evidence ORDER BY sweep_id")
    assert [(row["method"], row["finding"], float(row["weight"]), row["detail"]) for row in evidence] == [
        ("sweep", "missing", 0.25, "sale")
    ] * 2
    assert [row["observed_at"] for row in evidence] == [ended(DAY), ended(2 * DAY)]
    assert history(engine) == [("active", "likely_removed", "updated", "missing from complete sweeps")]
    assert scalar(engine, "SELECT content_hash FROM property_state WHERE property_id = :id", id=listing(1)) is None
    row = one(engine, "SELECT * FROM scrape_queue WHERE status = 'pending' AND property_id = :id", id=listing(1))
    assert (row["kind"], row["queue_reason"], row["priority"]) == ("verify", "verification", 3)


@pytest.mark.usefixtures("missing")
def test_opening_cases_twice_opens_nothing_more(engine: Engine) -> None:
    assert suspect(engine) == 1
    before = contents(engine, "removal_evidence", "scrape_queue")
    assert suspect(engine) == 0
    assert contents(engine, "removal_evidence", "scrape_queue") == before


@pytest.mark.parametrize(
    "spoilt",
    [
        "verdict = 'partial'",
        "verdict = 'void'",
        "verdict = NULL, pages_wanted = 10",
        "covers_all = false",
    ],
)
@pytest.mark.usefixtures("missing")
def test_a_sweep_that_is_not_complete_counts_no_miss(engine: Engine, spoilt: str) -> None:
    run(engine, f"UPDATE sweeps SET {spoilt} WHERE id = (SELECT max(id) FROM sweeps WHERE scope = 'sale')")  # noqa: S608
    assert suspect(engine) == 0
    assert status(engine) == "active"
    assert suspect(engine, min_missing=1) == 1


def test_one_sweep_is_not_enough(engine: Engine) -> None:
    sweep(engine, 0, sale=[1])
    flush_items(engine, item(1, minute=10))
    sweep(engine, DAY, sale=[])
    assert suspect(engine) == 0


@pytest.mark.usefixtures("missing")
def test_a_detail_page_read_since_starts_the_count_anew(engine: Engine) -> None:
    flush_items(engine, item(1, minute=DAY + 60))
    assert suspect(engine) == 0


@pytest.mark.usefixtures("missing")
def test_a_scope_that_the_portal_has_no_more_holds_nobody_back(engine: Engine) -> None:
    run(
        engine,
        "INSERT INTO manifest_sightings (property_id, scope, portal, last_sweep, last_seen_at, page_number)"
        " SELECT property_id, 'given_up', portal, last_sweep, last_seen_at, 1 FROM manifest_sightings",
    )
    assert suspect(engine) == 1


def test_a_listing_in_two_scopes_is_missing_when_both_miss_it(engine: Engine) -> None:
    sweep(engine, 0, sale=[1], rent=[1])
    flush_items(engine, item(1, offer(), offer(9_000, operation="rent"), minute=10))
    sweep(engine, DAY, sale=[], rent=[1])
    sweep(engine, 2 * DAY, sale=[], rent=[])
    assert suspect(engine) == 0
    assert scalar(engine, "SELECT consecutive_missing_count FROM property_freshness") == 1
    sweep(engine, 3 * DAY, sale=[], rent=[])
    assert suspect(engine) == 1
    assert case(engine)["scope"] == "rent"
    weights = column(engine, "SELECT weight FROM removal_evidence ORDER BY sweep_id DESC")
    assert len(weights) == 5
    assert float(sum(weights)) == 0.5


@pytest.mark.usefixtures("missing")
def test_work_of_other_reasons_is_cancelled_but_what_a_person_asked_for(engine: Engine) -> None:
    run(
        engine,
        "INSERT INTO scrape_queue (portal, property_id, source_url, priority, queue_reason, claim_key)"
        " SELECT portal, property_id, source_url, 4, CASE property_id WHEN :one THEN 'stale_data' ELSE 'on_demand' END, app_now()"
        " FROM property_manifest",
        one=listing(1),
    )
    sweep(engine, 3 * DAY, sale=[])
    sweep(engine, 4 * DAY, sale=[])
    assert suspect(engine) == 2
    found = rows(engine, "SELECT property_id, kind, status FROM scrape_queue WHERE queue_reason <> 'new_property' ORDER BY id")
    assert [tuple(row.values()) for row in found] == [
        (listing(1), "detail", "cancelled"),
        (listing(2), "detail", "pending"),
        (listing(1), "verify", "pending"),
    ]
    run(engine, "UPDATE scrape_queue SET status = 'completed', completed_at = app_now() WHERE queue_reason = 'on_demand'")
    suspect(engine)
    assert column(engine, "SELECT count(*) FROM scrape_queue WHERE kind = 'verify'") == [2]


@pytest.mark.usefixtures("missing")
def test_a_case_that_was_given_up_is_asked_for_again_when_it_is_missed_again(engine: Engine) -> None:
    suspect(engine)
    run(engine, "UPDATE scrape_queue SET status = 'failed', completed_at = app_now() WHERE kind = 'verify'")
    suspect(engine)
    assert column(engine, "SELECT status FROM scrape_queue WHERE kind = 'verify'") == ["failed"]
    session = sweep(engine, 3 * DAY, sale=[2])
    run(engine, "UPDATE sweeps SET completed_at = app_now() WHERE session_id = :id", id=session.id)
    suspect(engine)
    assert column(engine, "SELECT status FROM scrape_queue WHERE kind = 'verify' ORDER BY id") == ["failed", "pending"]


# --- one of two offers ---


@pytest.fixture
def half_gone(engine: Engine) -> None:
    sweep(engine, 0, sale=[1], rent=[1])
    flush_items(engine, item(1, offer(), offer(9_000, operation="rent"), minute=10))
    run(engine, "DELETE FROM scrape_queue")
    for day in (1, 2):
        sweep(engine, day * DAY, sale=[1], rent=[])


def offers(engine: Engine) -> dict[str, dict[str, object]]:
    return {row["operation"]: row for row in rows(engine, "SELECT * FROM property_offers")}


@pytest.mark.usefixtures("half_gone")
def test_an_offer_whose_scope_misses_the_listing_is_missed_and_its_page_asked_for(engine: Engine) -> None:
    assert suspect(engine) == 0
    assert status(engine) == "active"
    assert (offers(engine)["rent"]["missing_since"], offers(engine)["rent"]["missing_source"]) == (ended(2 * DAY), "sweep")
    assert offers(engine)["sale"]["missing_since"] is None
    row = one(engine, "SELECT * FROM scrape_queue WHERE status = 'pending'")
    assert (row["kind"], row["queue_reason"]) == ("detail", "verification")
    suspect(engine)
    assert column(engine, "SELECT count(*) FROM scrape_queue WHERE status = 'pending'") == [1]


@pytest.mark.usefixtures("half_gone")
def test_its_page_without_the_offer_withdraws_it(engine: Engine) -> None:
    suspect(engine)
    flush_items(engine, item(1, minute=2 * DAY + 60))
    assert offers(engine)["rent"]["is_withdrawn"]
    live = one(engine, "SELECT * FROM properties_live")
    assert [known["operation"] for known in live["offers"]] == ["sale"]
    suspect(engine)
    assert offers(engine)["rent"]["is_withdrawn"]


@pytest.mark.usefixtures("half_gone")
def test_its_page_with_the_offer_confirms_it(engine: Engine) -> None:
    suspect(engine)
    flush_items(engine, item(1, offer(), offer(9_000, operation="rent"), minute=2 * DAY + 60))
    assert offers(engine)["rent"]["missing_since"] is None
    suspect(engine)
    assert offers(engine)["rent"]["missing_since"] is None


@pytest.mark.usefixtures("half_gone")
def test_a_card_of_the_other_scope_does_not_withdraw_what_a_sweep_missed(engine: Engine) -> None:
    suspect(engine)
    flush_pages(engine, page(entry(1, offer()), minute=4 * DAY))
    assert not offers(engine)["rent"]["is_withdrawn"]


# --- seen again ---


@pytest.mark.usefixtures("missing")
def test_a_sighting_frees_a_suspect(engine: Engine) -> None:
    suspect(engine)
    counts = flush_pages(engine, page(entry(1), minute=3 * DAY))
    assert (status(engine), counts.found) == ("active", 0)
    assert (case(engine)["status"], case(engine)["outcome"], case(engine)["decided_by"]) == ("dismissed", "alive", "sighting")
    assert column(engine, "SELECT finding FROM removal_evidence WHERE method = 'sighting'") == ["alive"]
    assert column(engine, "SELECT status FROM scrape_queue WHERE kind = 'verify'") == ["cancelled"]
    assert history(engine)[-1] == ("likely_removed", "active", "updated", "sighting")
    assert suspect(engine) == 0


@pytest.mark.usefixtures("missing")
def test_a_sighting_from_before_changes_nothing(engine: Engine) -> None:
    suspect(engine)
    flush_pages(engine, page(entry(1), minute=DAY + 30))
    assert (status(engine), case(engine)["status"]) == ("likely_removed", "open")


@pytest.mark.usefixtures("missing")
def test_a_detail_page_frees_a_suspect(engine: Engine) -> None:
    suspect(engine)
    flush_items(engine, item(1, minute=3 * DAY))
    assert (status(engine), case(engine)["decided_by"]) == ("active", "detail page")
    assert column(engine, "SELECT status FROM scrape_queue WHERE kind = 'verify'") == ["cancelled"]


@pytest.mark.usefixtures("missing")
def test_a_detail_page_from_before_changes_nothing(engine: Engine) -> None:
    suspect(engine)
    flush_items(engine, item(1, minute=DAY))
    assert (status(engine), case(engine)["status"]) == ("likely_removed", "open")


@pytest.mark.parametrize(("finding", "gone"), [("gone", "confirmed_removed"), ("sold", "sold"), ("withdrawn", "withdrawn")])
@pytest.mark.usefixtures("missing")
def test_what_was_gone_is_relisted_and_then_active_with_its_page(engine: Engine, finding: str, gone: str) -> None:
    suspect(engine)
    verify(engine, {1: finding})
    assert status(engine) == gone
    flush_pages(engine, page(entry(1, offers=None), minute=3 * DAY - 10))
    assert status(engine) == gone
    counts = flush_pages(engine, page(entry(1, offers=None), minute=4 * DAY))
    assert (status(engine), counts.found) == ("relisted", 1)
    row = one(engine, "SELECT * FROM scrape_queue WHERE status = 'pending'")
    assert (row["kind"], row["queue_reason"], row["priority"]) == ("detail", "relisted", 1)
    assert history(engine)[-1] == (gone, "relisted", "reactivated", "sighting")
    (claimed,) = claim(engine)
    assert claimed.claim.property_id == listing(1)
    flush_items(engine, item(1, minute=4 * DAY + 5))
    assert status(engine) == "active"
    assert history(engine)[-1] == ("relisted", "active", "updated", "detail page")


def test_a_relisted_listing_can_go_again(engine: Engine) -> None:
    sweep(engine, 0, sale=[1])
    flush_items(engine, item(1, minute=10))
    run(engine, "UPDATE properties_live SET listing_status = 'relisted'")
    for day in (1, 2):
        sweep(engine, day * DAY, sale=[])
    assert suspect(engine) == 1


# --- verified ---


@pytest.mark.usefixtures("missing")
def test_a_removal_needs_its_page_gone(engine: Engine) -> None:
    suspect(engine)
    counts = verify(engine, {1: "gone"})
    assert counts.removals_confirmed == 1
    assert status(engine) == "confirmed_removed"
    assert (case(engine)["status"], case(engine)["outcome"], case(engine)["decided_by"]) == (
        "confirmed",
        "confirmed_removed",
        "verification",
    )
    assert history(engine)[-1] == ("likely_removed", "confirmed_removed", "removed", "verification")
    assert scalar(engine, "SELECT status_at FROM property_state WHERE property_id = :id", id=listing(1)) == at(3 * DAY)
    assert column(engine, "SELECT status FROM scrape_queue WHERE kind = 'verify'") == ["completed"]


@pytest.mark.usefixtures("missing")
def test_a_removed_listing_is_not_fetched_for_an_old_price_move(engine: Engine) -> None:
    suspect(engine)
    verify(engine, {1: "gone"})
    run(engine, "UPDATE property_state SET price_moved_at = app_now() WHERE property_id = :id", id=listing(1))
    sweep(engine, 5 * DAY, sale=[2])
    assert column(engine, "SELECT count(*) FROM scrape_queue WHERE kind = 'detail' AND property_id = :id", id=listing(1)) == [0]


@pytest.mark.usefixtures("missing")
def test_one_sweep_and_one_look_are_not_enough(engine: Engine) -> None:
    run(engine, "UPDATE sweeps SET verdict = 'partial' WHERE id = (SELECT max(id) FROM sweeps WHERE scope = 'sale')")
    suspect(engine, min_missing=1)
    verify(engine, {1: "gone"})
    assert status(engine) == "likely_removed"
    row = one(engine, "SELECT * FROM scrape_queue WHERE kind = 'verify'")
    assert (row["status"], row["attempt_count"]) == ("pending", 0)
    assert row["not_before"] is not None
    run(engine, "UPDATE scrape_queue SET not_before = NULL")
    verify(engine, {1: "gone"}, minute=4 * DAY)
    assert status(engine) == "confirmed_removed"


@pytest.mark.parametrize(("hours", "then"), [(1, "likely_removed"), (21, "confirmed_removed")])
@pytest.mark.usefixtures("missing")
def test_redirects_to_a_search_need_two_days(engine: Engine, hours: float, then: str) -> None:
    suspect(engine)
    verify(engine, {1: "to_search"})
    assert status(engine) == "likely_removed"
    run(engine, "UPDATE scrape_queue SET not_before = NULL")
    verify(engine, {1: "to_search"}, minute=3 * DAY + hours * 60)
    assert status(engine) == then


@pytest.mark.parametrize("finding", ["server_error", "no_response", "to_login", "to_home", "wrong_page", "refused", "off_site"])
@pytest.mark.usefixtures("missing")
def test_what_says_nothing_leaves_the_case_open(engine: Engine, finding: str) -> None:
    suspect(engine)
    for _ in range(3):
        run(engine, "UPDATE scrape_queue SET not_before = NULL WHERE kind = 'verify'")
        verify(engine, {1: finding})
    assert (status(engine), case(engine)["status"]) == ("likely_removed", "open")
    assert column(engine, "SELECT status FROM scrape_queue WHERE kind = 'verify'") == ["failed"]
    assert scalar(engine, "SELECT given_up_at FROM property_state WHERE property_id = :id", id=listing(1)) is None


@pytest.mark.parametrize(
    ("alive", "dead"),
    [
        ("gone", "gone"),
        ("alive", "alive"),
        ("alive", "sold"),
        ("to_login", "to_login"),
        ("alive", "no_response"),
        ("blocked", "gone"),
    ],
)
@pytest.mark.usefixtures("missing")
def test_a_void_batch_changes_nothing(engine: Engine, alive: str, dead: str) -> None:
    suspect(engine)
    before = contents(engine)
    counts = verify(engine, {1: "gone"}, around=controls(alive, dead))
    assert counts.removals_confirmed == 0
    assert contents(engine) == before
    assert float(scalar(engine, "SELECT sum(weight) FROM removal_evidence WHERE method = 'GET'")) == 0
    assert one(engine, "SELECT * FROM verification_batches")["verdict"] == "void"
    row = one(engine, "SELECT * FROM scrape_queue WHERE kind = 'verify'")
    assert (row["status"], row["attempt_count"]) == ("pending", 0)
    assert one(engine, "SELECT * FROM alerts")["kind"] == "controls_failed"
    run(engine, "UPDATE scrape_queue SET not_before = NULL")
    verify(engine, {1: "gone"})
    assert status(engine) == "confirmed_removed"
    assert one(engine, "SELECT * FROM alerts")["resolved_at"] is not None


@pytest.mark.usefixtures("missing")
def test_a_sighting_between_the_look_and_its_storing_wins(engine: Engine) -> None:
    suspect(engine)
    flush_pages(engine, page(entry(1, offers=None), minute=3 * DAY + 1))
    run(engine, "UPDATE scrape_queue SET status = 'pending', completed_at = NULL WHERE kind = 'verify'")
    verify(engine, {1: "gone"})
    assert status(engine) == "active"
    assert column(engine, "SELECT status FROM scrape_queue WHERE kind = 'verify'") == ["completed"]


@pytest.mark.usefixtures("missing")
def test_an_alive_answer_counts_as_presence_even_without_a_page_that_would_do(engine: Engine) -> None:
    suspect(engine)
    verify(engine, {1: "alive"})
    assert (status(engine), case(engine)["decided_by"]) == ("active", "verification")
    assert suspect(engine) == 0


@pytest.mark.usefixtures("missing")
def test_a_signal_while_it_is_verified_asks_for_its_detail_page(engine: Engine) -> None:
    suspect(engine)
    (taken,) = claims(engine, 1)
    with engine.begin() as connection:
        queue.enqueue(connection, PORTAL, [queue.Want(listing(1), "https://www.pincali.com/en/home/x", "relisted")])
        queue.complete(connection, [(taken, at(3 * DAY))])
    row = one(engine, "SELECT * FROM scrape_queue WHERE status = 'pending' AND property_id = :id", id=listing(1))
    assert (row["kind"], row["queue_reason"]) == ("detail", "relisted")


@pytest.mark.usefixtures("missing")
def test_a_person_who_asks_for_the_page_gets_it_instead_of_the_verification(engine: Engine) -> None:
    suspect(engine)
    with engine.begin() as connection:
        assert queue.want_now(connection, PORTAL, listing(1))
    row = one(engine, "SELECT * FROM scrape_queue WHERE status = 'pending' AND property_id = :id", id=listing(1))
    assert (row["kind"], row["queue_reason"]) == ("detail", "on_demand")


@pytest.mark.usefixtures("missing")
def test_cases_can_be_opened_a_few_at_a_time(engine: Engine) -> None:
    sweep(engine, 3 * DAY, sale=[])
    sweep(engine, 4 * DAY, sale=[])
    opened = []
    for _ in range(3):
        with engine.begin() as connection:
            opened.append(open_cases(connection, PORTAL, min_missing=2, scopes=SCOPES, limit=1))
    assert opened == [1, 1, 0]


# --- controls ---


def alive(engine: Engine, *without: int) -> list[str]:
    with engine.connect() as connection:
        found = candidates.known_alive(connection, PORTAL, without=[listing(number) for number in without])
    return [one.property_id for one in found]


def test_controls_are_what_was_seen_last(engine: Engine) -> None:
    sweep(engine, 0, sale=range(1, 8))
    flush_items(engine, *(item(number, minute=10) for number in range(1, 8)))
    assert alive(engine) == []
    run(engine, "UPDATE sweep_pages SET observed_at = app_now() - interval '2 hours'")
    run(
        engine,
        "UPDATE property_state SET observed_at = app_now() - interval '1 hour', last_attempt_at = app_now() - interval '1 hour'"
        " WHERE property_id >= :from",
        **{"from": listing(6)},
    )
    assert alive(engine)[:2] == [listing(6), listing(7)]
    assert len(alive(engine)) == 4
    assert alive(engine, 6, 1) == [listing(7), listing(2), listing(3), listing(4)]


@pytest.mark.usefixtures("missing")
def test_a_control_that_failed_is_not_chosen_again(engine: Engine) -> None:
    suspect(engine)
    run(engine, "UPDATE sweep_pages SET observed_at = app_now()")
    assert alive(engine) == [listing(2)]
    failed = tuple(attrs.evolve(one, property_id=listing(2)) if one.property_id else one for one in controls("server_error"))
    verify(engine, {1: "gone"}, around=failed)
    assert alive(engine) == []
    flush_items(engine, item(2, minute=60 * 24 * 1000))
    assert alive(engine) == [listing(2)]
