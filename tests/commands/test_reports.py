"""status, manifest stats and queue, on rows that the pipelines' own functions wrote."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from propspider.commands.progress import told
from propspider.items import Claim
from propspider.sync import overview, queue, runs
from tests.commands import rows
from tests.commands.conftest import Report, Run


@pytest.fixture
def crawled(engine: Engine) -> Engine:
    """Three listings; the first was stored, its price changed since; the third has no price and stands on page 2 at the cap."""
    rows.walk(engine, [rows.page([rows.entry(1), rows.entry(2)]), rows.page([rows.entry(3, price=None)], number=2, capped=True)])
    rows.store(engine, [rows.item(1)])
    rows.walk(engine, [rows.page([rows.entry(1, price=1_200_000)], at=rows.NOON + timedelta(hours=1), total=61)])
    return engine


def test_an_empty_database_is_no_error(run: Run, engine: Engine) -> None:
    assert "no session yet" in run("status").stdout
    assert "the manifest is empty" in run("manifest", "stats").stdout
    assert "pending" in run("queue", "stats").stdout


def test_status_counts_a_portal(report: Report, crawled: Engine) -> None:
    (portal,) = report("status")["portals"]
    assert (portal["portal"], portal["manifest"], portal["live"]) == ("pincali", 3, {"active": 1})
    assert [(s["spider"], s["status"], s["finish_reason"]) for s in portal["sessions"]] == [
        ("detail", "completed", "finished"),
        ("manifest", "completed", "finished"),
    ]
    detail, manifest = portal["sessions"]
    assert (detail["stored"], detail["new"], detail["listings"]) == (1, 1, 1)
    assert (manifest["pages"], manifest["listings"], manifest["updated"], manifest["price_changes"]) == (1, 1, 1, 1)
    tiers = {tier["name"]: tier for tier in portal["schedule"]["tiers"]}
    assert (tiers["hot_listings"]["last_started"], tiers["full_sync"]["next_run"]) == (None, None)
    fresh = portal["freshness"]
    assert (fresh["listings"], fresh["within_7_days"], fresh["open_cases"], fresh["quarantined"]) == (1, 0, 0, 0)
    (walk,) = portal["sweeps"]
    assert (walk["scope"], walk["entries"], walk["last_stated_total"], walk["verdict"]) == ("sale", 1, 61, "partial")


def test_status_tells_a_person_the_same(run: Run, crawled: Engine) -> None:
    shown = run("status")
    assert shown.exit_code == 0
    assert "3 listings" in shown.stdout
    assert "1 active" in shown.stdout
    assert "completed" in shown.stdout
    assert "0 to be verified, 0 wait for an approval; 0 confirmed within 7 days" in shown.stdout
    assert "hot_listings" in shown.stdout
    assert "new_property" in shown.stdout


def test_a_session_that_stopped_beating_is_told_from_one_that_runs(run: Run, report: Report, engine: Engine) -> None:
    rows.open_session(engine, "detail")
    silent = rows.open_session(engine, "manifest")
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE scraping_sessions SET heartbeat_at = heartbeat_at - interval '7 minutes' WHERE id = :id"),
            {"id": silent.id},
        )
    shown = run("status").stdout
    assert "no heartbeat for 7 min" in shown
    assert "running" in shown
    silences = {s["spider"]: s["silent_seconds"] for s in report("status")["portals"][0]["sessions"]}
    assert silences["manifest"] >= 420
    assert silences["detail"] < 60


def test_manifest_stats_count_each_scope_and_a_listing_of_two_scopes_once(report: Report, crawled: Engine) -> None:
    rows.walk(crawled, [rows.page([rows.entry(2)], scope="rent", at=rows.NOON + timedelta(hours=2))])
    found = {row["scope"]: row for row in report("manifest", "stats")}
    assert {scope: row["listings"] for scope, row in found.items()} == {"rent": 1, "sale": 3, None: 3}
    sale = found["sale"]
    assert (sale["seen_in_last_sweep"], sale["new"], sale["needing_a_scrape"]) == (1, 2, 3)
    assert (sale["price_changed"], sale["without_price"]) == (1, 1)
    assert (sale["oldest_sighting"], sale["newest_sighting"]) == ("2026-03-02T18:00:00+00:00", "2026-03-02T19:00:00+00:00")
    assert found[None]["newest_sighting"] == "2026-03-02T20:00:00+00:00"


def test_manifest_stats_are_one_table(run: Run, crawled: Engine) -> None:
    shown = run("manifest", "stats", "--portal", "pincali")
    assert shown.exit_code == 0
    assert "sale" in shown.stdout
    assert "all" in shown.stdout


def test_queue_stats_are_those_of_the_queue(run: Run, report: Report, crawled: Engine) -> None:
    found = report("queue", "stats", "--portal", "pincali")
    assert (found["pending_count"], found["by_reason"], found["by_priority"]) == (3, {"new_property": 3}, {"1": 3})
    assert found["oldest_wait_seconds"] >= 0
    assert "new_property" in run("queue", "stats").stdout


def fail_once(engine: Engine, number: int) -> None:
    with engine.begin() as connection:
        session = rows.open_session(engine, "detail")
        (claimed,) = queue.claim(
            connection,
            "pincali",
            batch=1,
            worker="test",
            session_id=session.id,
            lease_seconds=60,
            property_id=rows.listing_id(number),
        )
        connection.execute(text("UPDATE scrape_queue SET max_attempts = 1 WHERE id = :id"), {"id": claimed.claim.queue_id})
        runs.record_errors(connection, session, [rows.lost(number, "[/] timed out")])
        queue.fail(
            connection, [queue.Failure(Claim(claimed.claim.queue_id, claimed.claim.lease_no, rows.listing_id(number)), "lost")]
        )


def test_requeue_revives_dead_letters_and_its_limit_holds(run: Run, report: Report, crawled: Engine) -> None:
    fail_once(crawled, 2)
    fail_once(crawled, 3)
    assert report("queue", "stats")["dead_letters"] == 2
    assert run("queue", "requeue", "--limit", "1").stdout == "requeued 1\n"
    assert report("queue", "requeue", "--portal", "pincali") == {"requeued": 1}
    assert report("queue", "stats")["dead_letters"] == 0


def test_cleanup_deletes_what_was_settled_before_the_given_days(run: Run, report: Report, crawled: Engine) -> None:
    with crawled.begin() as connection:
        settled = text(
            "UPDATE scrape_queue SET status = 'completed', completed_at = app_now() - interval '5 days' WHERE property_id = :id"
        )
        connection.execute(settled, {"id": rows.listing_id(2)})
    assert report("queue", "cleanup") == {"deleted": 0}
    assert run("queue", "cleanup", "--days", "4").stdout == "deleted 1\n"
    assert report("queue", "stats")["pending_count"] == 2


def test_progress_of_a_walk_knows_the_pages_of_scopes_begun_and_remembered(crawled: Engine) -> None:
    def reached(*scopes: str, cap: int | None = None) -> overview.Progress:
        with crawled.connect() as connection:
            return overview.walk_progress(connection, session.id, "pincali", scopes=scopes, page_cap=cap)

    session = rows.open_session(crawled, "manifest")
    began = reached("sale")
    assert (began.pages, began.listings, began.pages_expected) == (0, 0, 1)
    assert began.seconds >= 0
    assert reached("sale", "rent").pages_expected is None
    with crawled.begin() as connection:
        from propspider.sync.arrivals import record_pages

        cards = [rows.entry(number) for number in range(10, 34)]
        record_pages(connection, session, [rows.page(cards, scope="rent", total=100)], pages_wanted=0)
    walked = reached("sale", "rent")
    assert (walked.pages, walked.listings, walked.pages_expected) == (1, 24, 1 + 5)
    assert reached("sale", "rent", cap=3).pages_expected == 1 + 3


def test_errors_of_a_session_are_counted_by_message(engine: Engine) -> None:
    session = rows.open_session(engine, "detail")
    with engine.begin() as connection:
        runs.record_errors(connection, session, [rows.lost(1, "timed out"), rows.lost(2, "timed out"), rows.lost(3, "reset")])
    with engine.connect() as connection:
        found = overview.error_lines(connection, session.id)
    assert [(line.times, line.error_type, line.message) for line in found] == [
        (2, "download", "timed out"),
        (1, "download", "reset"),
    ]


def test_progress_tells_speed_and_time_left() -> None:
    half = overview.Progress(pages=50, listings=1200, pages_expected=100, seconds=60.0)
    assert told(half, is_end=False) == "50 of 100 pages, 1,200 listings, 20.0 listings/s, 60 s left"
    assert told(half, is_end=True) == "50 pages, 1,200 listings, 20.0 listings/s"
    unknown = overview.Progress(pages=50, listings=0, pages_expected=None, seconds=60.0)
    assert told(unknown, is_end=False) == "50 pages, 0 listings"
