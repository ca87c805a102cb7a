"""Batches of verified listings: what they decide, and when they decide nothing."""

import attrs
import pytest
from sqlalchemy import Engine

from propspider.sync import candidates, queue
from propspider.sync.removals import open_cases
from tests.builders import PORTAL, at, column, entry, item, listing, one, page, run, scalar

from .steps import flush_items, flush_pages
from .sweeps import DAY, SCOPES, case, claims, contents, controls, history, status, suspect, sweep, verify

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
