"""What is kept of a tier run, and what the views make of it."""

import uuid
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from propspider.db.models import SyncRun
from propspider.items import CrawlError, ErrorType
from propspider.sync import metrics, queue, runs
from propspider.sync.queue import Want
from propspider.sync.runs import Counts
from tests.builders import PORTAL, SITE, item, listing, one, rows, run, scalar, url_of

from .steps import flush_items


def tier_run(engine: Engine, counts: Counts, *, failed: int = 0, tier: int = 2) -> uuid.UUID:
    """A finished run of half an hour with one manifest session."""
    errors = [
        CrawlError(portal=PORTAL, error_type=ErrorType.DOWNLOAD, message="reset", url=url_of(listing(n))) for n in range(failed)
    ]
    with engine.begin() as connection:
        made: uuid.UUID = connection.execute(
            insert(SyncRun).values(portal=PORTAL, tier_level=tier, tier_name="daily_sync").returning(SyncRun.id)
        ).scalar_one()
        session = runs.open_session(
            connection,
            portal=PORTAL,
            spider="manifest",
            arguments={},
            base_url=SITE,
            parser_version="0123456789ab",
            sync_run_id=made,
        )
        runs.record_errors(connection, session, errors)
        runs.add_counts(connection, session, counts)
        runs.close_session(connection, session, outcome="completed", reason="finished")
    run(
        engine,
        "UPDATE sync_runs SET status = 'completed', completed_at = app_now(), started_at = app_now() - interval '30 minutes'"
        " WHERE id = :id",
        id=made,
    )
    return made


def sampled(engine: Engine, run_id: uuid.UUID) -> dict[str, Any]:
    with engine.begin() as connection:
        found = metrics.take_sample(connection, PORTAL, run_id)
    return one(engine, "SELECT * FROM metric_samples WHERE id = :id", id=found)


def test_a_run_is_told_once(engine: Engine) -> None:
    counts = Counts(pages=9, entries=200, found=30, updated=4, price_changes=5, removals_confirmed=6, errors=7)
    made = tier_run(engine, counts, failed=3)
    sampled(engine, made)
    with engine.begin() as connection:
        assert metrics.take_sample(connection, PORTAL, made) is None
        assert metrics.take_sample(connection, PORTAL, uuid.uuid4()) is None
    row = one(engine, "SELECT * FROM tier_metrics")
    assert (row["portal"], row["tier_level"], row["tier_name"], row["run_status"]) == (PORTAL, 2, "daily_sync", "completed")
    assert row["duration_seconds"] == pytest.approx(1800)
    assert (row["pages_scanned"], row["properties_found"], row["new_properties"], row["changed_properties"]) == (9, 200, 30, 4)
    assert (row["price_changes"], row["removed_properties"], row["error_count"]) == (5, 6, 7)
    assert row["success_rate"] == Decimal("0.75")


def test_of_an_empty_portal_there_are_no_shares(engine: Engine) -> None:
    row = sampled(engine, tier_run(engine, Counts()))
    assert (row["success_rate"], row["queue_average_wait_seconds"], row["queue_oldest_wait_seconds"]) == (None, None, None)
    assert (row["queue_by_reason"], row["queue_pending"], row["listings_shown"]) == ({}, 0, 0)
    assert one(engine, "SELECT share_7_days, stale FROM freshness_metrics") == {"share_7_days": None, "stale": 0}
    assert scalar(engine, "SELECT false_positive_rate FROM removal_metrics") is None
    assert scalar(engine, "SELECT failure_rate FROM queue_metrics") is None


def test_the_queue_by_reason_and_its_waits(engine: Engine) -> None:
    with engine.begin() as connection:
        queue.enqueue(connection, PORTAL, [Want(listing(n), url_of(listing(n)), "new_property") for n in range(6)])
        queue.enqueue(connection, PORTAL, [Want(listing(n), url_of(listing(n)), "stale_data") for n in range(6, 8)])
    settle = (
        "UPDATE scrape_queue SET status = :status, queued_at = app_now() - interval '2 hours',"
        " completed_at = app_now() - CAST(:ago AS interval) WHERE property_id = :id"
    )
    settled = [(0, "completed", "1 hour"), (1, "completed", "30 minutes"), (2, "failed", "5 minutes"), (6, "failed", "2 days")]
    for number, status, ago in settled:
        run(engine, settle, status=status, ago=ago, id=listing(number))
    run(engine, "UPDATE scrape_queue SET queued_at = app_now() - interval '3 hours' WHERE property_id = :id", id=listing(3))
    sampled(engine, tier_run(engine, Counts()))
    row = one(engine, "SELECT * FROM queue_metrics")
    assert (row["pending"], row["in_progress"], row["dead_letters"]) == (4, 0, 2)
    assert row["settled_by_reason"] == {"new_property": {"completed": 2, "failed": 1}}
    assert (row["completed_per_hour"], row["failure_rate"]) == (Decimal("0.1"), Decimal("0.333"))
    assert row["average_wait_seconds"] == pytest.approx(75 * 60, abs=5)
    assert row["oldest_wait_seconds"] == pytest.approx(3 * 3600, abs=30)


def test_how_old_the_details_are(engine: Engine) -> None:
    flush_items(engine, *(item(n) for n in range(1, 6)))
    for number, days in ((1, 1), (2, 6), (3, 10), (4, 20), (5, 40)):
        run(
            engine,
            "UPDATE property_state SET observed_at = app_now() - make_interval(days => :days) WHERE property_id = :id",
            days=days,
            id=listing(number),
        )
    sampled(engine, tier_run(engine, Counts()))
    row = one(engine, "SELECT * FROM freshness_metrics")
    assert (row["listings_shown"], row["share_7_days"], row["share_14_days"], row["share_30_days"]) == (
        5,
        Decimal("0.4"),
        Decimal("0.6"),
        Decimal("0.8"),
    )
    ages = ("aged_0_to_7_days", "aged_7_to_14_days", "aged_14_to_30_days", "stale")
    assert [row[age] for age in ages] == [2, 1, 1, 1]


def test_removals_and_those_that_were_none(engine: Engine) -> None:
    flush_items(engine, *(item(n) for n in range(1, 5)))
    run(engine, "UPDATE properties_live SET listing_status = 'likely_removed' WHERE property_id = :id", id=listing(4))
    for number, days in ((1, 2), (2, 10), (3, 40)):
        run(
            engine,
            "INSERT INTO removal_cases (property_id, portal, scope, status, outcome, decided_at)"
            " VALUES (:id, :portal, 'sale', 'confirmed', 'confirmed_removed', app_now() - make_interval(days => :days))",
            id=listing(number),
            portal=PORTAL,
            days=days,
        )
    run(
        engine,
        "INSERT INTO property_changes (property_id, portal, change_type, field_name, change_reason, observed_at)"
        " VALUES (:id, :portal, 'reactivated', 'listing_status', 'sighting', app_now())",
        id=listing(2),
        portal=PORTAL,
    )
    sampled(engine, tier_run(engine, Counts()))
    row = one(engine, "SELECT * FROM removal_metrics")
    assert (row["likely_removed"], row["confirmed_this_week"], row["confirmed_removed_30_days"]) == (1, 1, 2)
    assert (row["reappeared_30_days"], row["false_positive_rate"]) == (1, Decimal("0.5"))


def test_a_sample_outlives_its_run(engine: Engine) -> None:
    made = tier_run(engine, Counts(pages=3))
    sampled(engine, made)
    run(engine, "DELETE FROM sync_runs WHERE id = :id", id=made)
    assert rows(engine, "SELECT sync_run_id, pages_scanned FROM tier_metrics") == [{"sync_run_id": None, "pages_scanned": 3}]
