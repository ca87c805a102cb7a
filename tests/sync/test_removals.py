"""Missing, suspected, gone, back: what each step needs and what it writes."""

import pytest
from sqlalchemy import Engine

from tests.builders import column, entry, item, listing, offer, one, page, rows, run, scalar

from .steps import claim, flush_items, flush_pages
from .sweeps import DAY, case, contents, ended, history, status, suspect, sweep, verify

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
