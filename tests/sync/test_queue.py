"""The window of detail pages, one behaviour a test."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine

from propspider.items import Claim
from propspider.sync import queue
from propspider.sync.queue import Failure, QueuedProperty, Reason, Want
from tests.builders import PORTAL, at, column, item, listing, new_session, one, rows, run, scalar, url_of


def enqueue(engine: Engine, numbers: Iterable[int], reason: Reason = "new_property") -> int:
    with engine.begin() as connection:
        wants = [Want(listing(number), url_of(listing(number)), reason) for number in numbers]
        return queue.enqueue(connection, PORTAL, wants)


def claim(
    engine: Engine, batch: int = 10, worker: str = "w", *, property_id: str | None = None, portal: str = PORTAL
) -> list[QueuedProperty]:
    with engine.begin() as connection:
        return queue.claim(
            connection, portal, batch=batch, worker=worker, session_id=None, lease_seconds=60, property_id=property_id
        )


def complete(engine: Engine, *claims: Claim) -> set[int]:
    with engine.begin() as connection:
        return queue.complete(connection, [(claim, at(0)) for claim in claims])


def fail(engine: Engine, *failures: Failure) -> dict[int, str]:
    with engine.begin() as connection:
        return queue.fail(connection, failures)


def names(claimed: Iterable[QueuedProperty]) -> list[str]:
    return [row.claim.property_id for row in claimed]


def end_leases(engine: Engine) -> None:
    run(engine, "UPDATE scrape_queue SET lease_until = clock_timestamp() - interval '1 s' WHERE status = 'in_progress'")


def end_back_off(engine: Engine) -> None:
    run(engine, "UPDATE scrape_queue SET not_before = now() - interval '1 s' WHERE not_before IS NOT NULL")


def queued(engine: Engine) -> list[tuple[str, str]]:
    return [(row["property_id"], row["status"]) for row in rows(engine, "SELECT * FROM scrape_queue ORDER BY id")]


def test_a_claimed_row_carries_what_a_worker_needs(engine: Engine) -> None:
    enqueue(engine, [1], "price_change")
    (row,) = claim(engine, worker="host:1")
    assert (row.claim.property_id, row.source_url) == (listing(1), url_of(listing(1)))
    assert (row.reason, row.priority, row.claim.lease_no) == ("price_change", 2, 1)
    stored = one(engine, "SELECT *, lease_until > clock_timestamp() AS leased FROM scrape_queue")
    assert (stored["status"], stored["claimed_by"], stored["claims"], stored["leased"]) == ("in_progress", "host:1", 1, True)


def test_nothing_to_enqueue_or_settle_is_nothing(engine: Engine) -> None:
    assert enqueue(engine, []) == 0
    assert complete(engine) == set()
    assert fail(engine) == {}
    assert claim(engine) == []


def test_a_listing_is_open_once_and_the_better_reason_wins(engine: Engine) -> None:
    assert enqueue(engine, [1, 2], "stale_data") == 2
    assert enqueue(engine, [1], "price_change") == 0
    assert enqueue(engine, [1], "random_sample") == 0
    found = rows(engine, "SELECT property_id, priority, queue_reason FROM scrape_queue ORDER BY property_id")
    assert [tuple(row.values()) for row in found] == [(listing(1), 2, "price_change"), (listing(2), 4, "stale_data")]


def test_one_call_that_names_a_listing_twice_keeps_its_best_reason(engine: Engine) -> None:
    reasons: tuple[Reason, ...] = ("stale_data", "new_property", "random_sample")
    wants = [Want(listing(1), url_of(listing(1)), reason) for reason in reasons]
    with engine.begin() as connection:
        assert queue.enqueue(connection, PORTAL, wants) == 1
    assert column(engine, "SELECT queue_reason FROM scrape_queue") == ["new_property"]


def test_claims_go_by_priority(engine: Engine) -> None:
    reasons: tuple[Reason, ...] = ("random_sample", "stale_data", "verification", "price_change", "new_property")
    for number, reason in enumerate(reasons):
        enqueue(engine, [number], reason)
    assert names(claim(engine)) == [listing(number) for number in (4, 3, 2, 1, 0)]


def test_every_reason_has_a_longest_wait(engine: Engine) -> None:
    enqueue(engine, [1], "random_sample")
    enqueue(engine, [2], "new_property")
    run(
        engine,
        "UPDATE scrape_queue SET queued_at = queued_at - interval '8 days', claim_key = claim_key - interval '8 days' "
        "WHERE property_id = :id",
        id=listing(1),
    )
    assert names(claim(engine, batch=1)) == [listing(1)]


def test_a_raised_priority_moves_a_row_forward_and_never_back(engine: Engine) -> None:
    enqueue(engine, [1], "stale_data")
    before = scalar(engine, "SELECT claim_key FROM scrape_queue")
    enqueue(engine, [1], "on_demand")
    assert scalar(engine, "SELECT claim_key FROM scrape_queue") < before


def test_workers_at_once_get_distinct_rows(engine: Engine) -> None:
    enqueue(engine, range(120))
    start = Barrier(4)

    def work(worker: int) -> list[str]:
        start.wait(timeout=10)
        got: list[str] = []
        while batch := claim(engine, batch=7, worker=str(worker)):
            got += names(batch)
        return got

    with ThreadPoolExecutor(4) as pool:
        got = [name for part in pool.map(work, range(4)) for name in part]
    assert sorted(got) == [listing(number) for number in range(120)]


def test_a_claim_of_one_listing_takes_no_other(engine: Engine) -> None:
    enqueue(engine, [1, 2, 3])
    assert names(claim(engine, property_id=listing(2))) == [listing(2)]
    assert claim(engine, property_id=listing(2)) == []


def test_a_claim_stays_within_its_portal(engine: Engine) -> None:
    enqueue(engine, [1])
    assert claim(engine, portal="another") == []


def test_a_lease_that_ran_out_is_handed_out_again_without_costing_an_attempt(engine: Engine) -> None:
    enqueue(engine, [1])
    (first,) = claim(engine)
    assert claim(engine) == []
    end_leases(engine)
    (second,) = claim(engine)
    assert (second.claim.queue_id, second.claim.lease_no) == (first.claim.queue_id, first.claim.lease_no + 1)
    assert one(engine, "SELECT claims, attempt_count FROM scrape_queue") == {"claims": 2, "attempt_count": 0}


def test_a_stale_lease_settles_nothing(engine: Engine) -> None:
    enqueue(engine, [1])
    (old,) = claim(engine)
    end_leases(engine)
    (new,) = claim(engine)
    before = rows(engine, "SELECT * FROM scrape_queue")
    assert complete(engine, old.claim) == set()
    assert fail(engine, Failure(old.claim, "late")) == {}
    assert rows(engine, "SELECT * FROM scrape_queue") == before
    assert complete(engine, new.claim) == {new.claim.queue_id}
    assert complete(engine, new.claim) == set()


def test_a_settled_row_is_finished(engine: Engine) -> None:
    enqueue(engine, [1])
    (row,) = claim(engine)
    complete(engine, row.claim)
    stored = one(engine, "SELECT status, completed_at IS NOT NULL AS done, lease_until FROM scrape_queue")
    assert tuple(stored.values()) == ("completed", True, None)
    assert enqueue(engine, [1]) == 1


def test_three_counted_failures_make_a_dead_letter_with_a_longer_wait_each_time(engine: Engine) -> None:
    enqueue(engine, [1])
    waits = []
    for attempt in (1, 2):
        (row,) = claim(engine)
        assert fail(engine, Failure(row.claim, f"download: {attempt}")) == {row.claim.queue_id: "pending"}
        assert claim(engine) == []
        waits.append(scalar(engine, "SELECT extract(epoch FROM not_before - now()) / 60 FROM scrape_queue"))
        end_back_off(engine)
    assert [float(wait) for wait in waits] == [pytest.approx(10, abs=0.5), pytest.approx(60, abs=0.5)]
    (row,) = claim(engine)
    assert fail(engine, Failure(row.claim, "download: 3")) == {row.claim.queue_id: "failed"}
    stored = one(engine, "SELECT * FROM scrape_queue")
    assert (stored["attempt_count"], stored["last_error"], stored["not_before"]) == (3, "download: 3", None)
    assert stored["completed_at"] is not None
    assert claim(engine) == []


def test_a_failure_that_says_nothing_of_the_listing_never_buries_it(engine: Engine) -> None:
    enqueue(engine, [1])
    for _ in range(5):
        (row,) = claim(engine)
        assert fail(engine, Failure(row.claim, "blocked", counted=False)) == {row.claim.queue_id: "pending"}
        wait = scalar(engine, "SELECT extract(epoch FROM not_before - now()) / 60 FROM scrape_queue")
        assert float(wait) == pytest.approx(10, abs=0.5)
        end_back_off(engine)
    assert scalar(engine, "SELECT attempt_count FROM scrape_queue") == 0


def test_release_hands_back_what_a_session_holds_and_nothing_else(engine: Engine) -> None:
    session, other = new_session(engine, "detail"), new_session(engine, "detail")
    enqueue(engine, [1, 2, 3])
    with engine.begin() as connection:
        mine = queue.claim(connection, PORTAL, batch=2, worker="a", session_id=session.id, lease_seconds=60)
        queue.claim(connection, PORTAL, batch=1, worker="b", session_id=other.id, lease_seconds=60)
        queue.complete(connection, [(mine[0].claim, at(0))])
    with engine.begin() as connection:
        assert queue.release(connection, session.id) == 1
    statuses = dict(queued(engine))
    assert sorted(statuses.values()) == ["completed", "in_progress", "pending"]
    assert statuses[mine[1].claim.property_id] == "pending"
    assert complete(engine, mine[1].claim) == set()


def test_requeue_gives_dead_letters_a_new_start_one_row_a_listing(engine: Engine) -> None:
    for _ in range(2):
        enqueue(engine, [1, 2])
        run(engine, "UPDATE scrape_queue SET status = 'failed', attempt_count = 3, completed_at = now() WHERE status = 'pending'")
    enqueue(engine, [2])
    with engine.begin() as connection:
        assert queue.requeue(connection, "another") == 0
        assert queue.requeue(connection, PORTAL, limit=5) == 1
        assert queue.requeue(connection) == 0
    opened = rows(engine, "SELECT property_id, attempt_count FROM scrape_queue WHERE status = 'pending' ORDER BY 1")
    assert [tuple(row.values()) for row in opened] == [(listing(1), 0), (listing(2), 0)]
    assert len(claim(engine)) == 2


def test_cleanup_keeps_dead_letters_and_what_is_young_or_open(engine: Engine) -> None:
    enqueue(engine, range(6))
    run(
        engine,
        "UPDATE scrape_queue SET status = s.status, completed_at = now() - s.age FROM (VALUES "
        "(0, 'completed', interval '8 days'), (1, 'completed', interval '6 days'), (2, 'cancelled', interval '8 days'), "
        "(3, 'failed', interval '80 days')) AS s (number, status, age) "
        "WHERE property_id = 'pincali:EB-AA' || lpad(s.number::text, 4, '0')",
    )
    with engine.begin() as connection:
        assert queue.cleanup(connection, older_than=timedelta(days=7), portal="another") == 0
        assert queue.cleanup(connection, older_than=timedelta(days=7)) == 2
    assert [name for name, _ in queued(engine)] == [listing(number) for number in (1, 3, 4, 5)]


def test_stats_count_the_window(engine: Engine) -> None:
    enqueue(engine, range(4))
    enqueue(engine, range(4, 6), "stale_data")
    done, dead, _held, backed_off = (row.claim for row in claim(engine, batch=4))
    complete(engine, done)
    run(engine, "UPDATE scrape_queue SET attempt_count = 2 WHERE id = :id", id=dead.queue_id)
    fail(engine, Failure(dead, "http_status: 500"), Failure(backed_off, "download: reset"))
    run(engine, "UPDATE scrape_queue SET queued_at = now() - interval '90 minutes' WHERE property_id = :id", id=listing(4))
    with engine.begin() as connection:
        stats = queue.stats(connection, PORTAL)
        assert queue.stats(connection) == stats
        nothing = queue.stats(connection, "another")
    assert (stats.pending_count, stats.in_progress_count, stats.completed_today, stats.failed_today) == (3, 1, 1, 1)
    assert (stats.dead_letters, stats.backed_off) == (1, 1)
    assert stats.by_priority == {1: 1, 4: 2}
    assert stats.by_reason == {"new_property": 1, "stale_data": 2}
    assert stats.oldest_wait_seconds == pytest.approx(5400, abs=5)
    assert (nothing.pending_count, nothing.oldest_wait_seconds) == (0, None)


def test_stats_of_today_leave_yesterday_out(engine: Engine) -> None:
    enqueue(engine, [1])
    run(engine, "UPDATE scrape_queue SET status = 'completed', completed_at = now() - interval '25 hours'")
    with engine.begin() as connection:
        assert queue.stats(connection).completed_today == 0


def test_a_listing_wanted_now_goes_past_its_back_off_and_ahead_of_all(engine: Engine) -> None:
    enqueue(engine, [1, 2], "stale_data")
    (row,) = claim(engine, batch=1)
    fail(engine, Failure(row.claim, "download: reset"))
    run(
        engine,
        "INSERT INTO property_manifest (property_id, portal, source_url, first_seen_at, observed_at) "
        "VALUES (:id, :portal, 'https://www.pincali.com/en/home/x', now(), now())",
        id=row.claim.property_id,
        portal=PORTAL,
    )
    with engine.begin() as connection:
        assert queue.want_now(connection, PORTAL, row.claim.property_id)
        assert not queue.want_now(connection, PORTAL, item(99).property_id)
        assert not queue.want_now(connection, "another", row.claim.property_id)
    (wanted,) = claim(engine, batch=1)
    assert (wanted.claim.property_id, wanted.reason) == (row.claim.property_id, "on_demand")
