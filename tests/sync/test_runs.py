"""Sessions, their run, their counters and their end."""

from decimal import Decimal

import pytest
from sqlalchemy import Engine

from propspider.items import Claim, CrawlError, ErrorType
from propspider.sync import arrivals, runs
from propspider.sync.runs import Counts, Outcome
from tests.builders import PORTAL, SITE, entry, listing, new_session, one, page, rows, run, scalar


def test_a_session_opens_with_a_run_and_counters_of_its_own(engine: Engine) -> None:
    session = new_session(engine)
    stored = one(engine, "SELECT * FROM scraping_sessions")
    assert (stored["id"], stored["sync_run_id"], stored["status"], stored["base_url"]) == (
        session.id,
        session.sync_run_id,
        "running",
        SITE,
    )
    run_row = one(engine, "SELECT * FROM sync_runs")
    assert (run_row["id"], run_row["tier_level"], run_row["status"]) == (session.sync_run_id, None, "running")
    assert scalar(engine, "SELECT session_id FROM sync_metadata") == session.id


def test_counts_add_up_in_session_run_and_metadata(engine: Engine) -> None:
    session = new_session(engine)
    counts = Counts(pages=2, entries=40, found=30, scraped=5, new=1, updated=1, unchanged=1, outdated=1, rejected=1)
    counts.add(Counts(price_changes=4, queued=6, errors=7, warnings=8, quality_sum=3.0, promotion_ms=9))
    for _ in range(2):
        with engine.begin() as connection:
            runs.add_counts(connection, session, counts)
    metadata = one(engine, "SELECT * FROM sync_metadata")
    assert (metadata["total_scraped"], metadata["stored_properties"], metadata["new_properties"]) == (10, 8, 62)
    assert (metadata["updated_properties"], metadata["unchanged_properties"], metadata["outdated_properties"]) == (2, 2, 2)
    assert (metadata["rejected_properties"], metadata["price_changes"], metadata["queued_properties"]) == (2, 8, 12)
    assert (metadata["data_quality_score"], metadata["completeness_rate"]) == (Decimal("0.75"), Decimal("0.80"))
    assert metadata["staging_to_live_duration_ms"] == 18
    stored = one(engine, "SELECT * FROM scraping_sessions")
    assert (stored["pages_fetched"], stored["items_stored"], stored["error_count"], stored["warning_count"]) == (4, 8, 14, 16)
    run_row = one(engine, "SELECT * FROM sync_runs")
    assert (run_row["pages_scanned"], run_row["properties_in_manifest"], run_row["new_properties_found"]) == (4, 80, 60)
    assert (run_row["properties_scraped"], run_row["properties_updated"], run_row["error_count"]) == (8, 2, 14)


def test_a_session_without_items_has_no_rates(engine: Engine) -> None:
    session = new_session(engine)
    with engine.begin() as connection:
        runs.add_counts(connection, session, Counts(pages=1))
    assert one(engine, "SELECT data_quality_score, completeness_rate FROM sync_metadata") == {
        "data_quality_score": None,
        "completeness_rate": None,
    }


@pytest.mark.parametrize(
    ("outcome", "metadata", "sweep"),
    [("completed", "completed", "finished"), ("failed", "failed", "aborted"), ("cancelled", "failed", "aborted")],
)
def test_the_end_of_a_session_ends_what_hangs_on_it(engine: Engine, outcome: Outcome, metadata: str, sweep: str) -> None:
    session = new_session(engine)
    with engine.begin() as connection:
        arrivals.record_pages(connection, session, [page(entry(1))], pages_wanted=0)
        runs.close_session(connection, session, outcome=outcome, reason="because", stats={"a": "1"})
    stored = one(engine, "SELECT * FROM scraping_sessions")
    assert (stored["status"], stored["finish_reason"], stored["stats"]) == (outcome, "because", {"a": "1"})
    why = None if outcome == "completed" else "because"
    assert one(engine, "SELECT sync_status, error_summary FROM sync_metadata") == {
        "sync_status": metadata,
        "error_summary": why,
    }
    assert scalar(engine, "SELECT status FROM sweeps") == sweep
    assert one(engine, "SELECT status, error_summary FROM sync_runs") == {"status": outcome, "error_summary": why}
    assert scalar(engine, "SELECT execution_time_ms >= 0 FROM sync_runs")


def test_a_run_of_a_tier_outlives_its_sessions(engine: Engine) -> None:
    session = new_session(engine)
    run(engine, "UPDATE sync_runs SET tier_level = 2")
    with engine.begin() as connection:
        runs.close_session(connection, session, outcome="completed", reason="finished")
    assert scalar(engine, "SELECT status FROM sync_runs") == "running"


def test_a_session_of_a_given_run_opens_no_other(engine: Engine) -> None:
    first = new_session(engine)
    with engine.begin() as connection:
        second = runs.open_session(
            connection,
            portal=PORTAL,
            spider="detail",
            arguments={"limit": 5},
            base_url=SITE,
            parser_version="x",
            sync_run_id=first.sync_run_id,
        )
        runs.close_session(connection, first, outcome="completed", reason="finished")
    assert scalar(engine, "SELECT count(*) FROM sync_runs") == 1
    assert scalar(engine, "SELECT status FROM sync_runs") == "running"
    with engine.begin() as connection:
        runs.close_session(connection, second, outcome="failed", reason="blocked")
    assert scalar(engine, "SELECT status FROM sync_runs") == "failed"


def test_a_beat_keeps_a_session_alive_and_says_when_it_is_not(engine: Engine) -> None:
    session = new_session(engine)
    run(engine, "UPDATE scraping_sessions SET heartbeat_at = now() - interval '9 minutes'")
    with engine.begin() as connection:
        assert runs.beat(connection, session)
        assert runs.bury_the_dead(connection) == 0
    run(engine, "UPDATE scraping_sessions SET heartbeat_at = now() - interval '11 minutes'")
    with engine.begin() as connection:
        assert runs.bury_the_dead(connection) == 1
        assert not runs.beat(connection, session)


def test_a_session_that_died_is_buried_when_the_next_one_opens(engine: Engine) -> None:
    dead = new_session(engine)
    with engine.begin() as connection:
        arrivals.record_pages(connection, dead, [page(entry(1))], pages_wanted=0)
    run(engine, "UPDATE scraping_sessions SET heartbeat_at = clock_timestamp() - interval '1 hour'")
    new_session(engine)
    stored = one(engine, "SELECT * FROM scraping_sessions WHERE id = :id", id=dead.id)
    assert (stored["status"], stored["finish_reason"]) == ("failed", "died")
    assert scalar(engine, "SELECT status FROM sync_runs WHERE id = :id", id=dead.sync_run_id) == "failed"
    assert scalar(engine, "SELECT status FROM sweeps") == "aborted"


def test_an_error_row_says_where_and_what(engine: Engine) -> None:
    session = new_session(engine)
    claim = Claim(queue_id=1, lease_no=1, property_id=listing(1))
    full = CrawlError(
        portal=PORTAL,
        error_type=ErrorType.HTTP_STATUS,
        message="status 500\x00\nhere",
        url="https://www.pincali.com/x",
        status=500,
        scope="sale",
        page=3,
        raw_item={"key\x00": ["\ud800", 1]},
        claim=claim,
    )
    with engine.begin() as connection:
        runs.record_errors(connection, session, [full, CrawlError(portal="", error_type=ErrorType.STORE, message="y")])
        runs.record_errors(connection, session, [])
    first, second = rows(engine, "SELECT * FROM scraping_errors ORDER BY id")
    assert (first["error_type"], first["message"], first["url"]) == ("http_status", "status 500 here", full.url)
    assert (first["http_status"], first["property_id"], first["scope"], first["page"]) == (500, listing(1), "sale", 3)
    assert first["raw_item"] == {"key": ["", 1]}
    assert (second["portal"], second["property_id"], second["raw_item"]) == (PORTAL, None, None)
