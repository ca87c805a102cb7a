"""Alerts that a session, the queue or a tier gives rise to, and their end."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from propspider.items import CrawlError, ErrorType
from propspider.sync import arrivals, conditions, promote, queue, runs, unusual
from propspider.sync.conditions import backlog_state, error_state
from propspider.sync.queue import Want
from propspider.sync.runs import Counts, Outcome, SessionRef
from tests.builders import PORTAL, entry, item, listing, new_session, one, page, rows, run, scalar, url_of

# --- error rate ---


@pytest.mark.parametrize(
    ("asked", "failed", "state"),
    [
        (0, 0, None),
        (5, 0, None),
        (5, 2, None),
        (9, 0, None),
        (10, 0, "fine"),
        (100, 10, "fine"),
        (100, 11, "warning"),
        (4, 3, "critical"),
        (20, 10, "warning"),
        (20, 11, "critical"),
    ],
)
def test_more_than_a_tenth_of_the_requests_is_too_much(asked: int, failed: int, state: str | None) -> None:
    assert error_state(asked, failed) == state


RANK = {None: 0, "fine": 0, "info": 1, "warning": 2, "critical": 3}


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(1, 50))
def test_more_failures_are_never_better(asked: int, failed: int, more: int) -> None:
    asked = asked + failed
    assert RANK[error_state(asked + more, failed + more)] >= RANK[error_state(asked + more, failed)]
    if failed <= conditions.ERROR_SHARE * asked:
        assert error_state(asked, failed) in {"fine", None}


def failures(number: int, error_type: ErrorType = ErrorType.HTTP_STATUS) -> list[CrawlError]:
    return [CrawlError(portal=PORTAL, error_type=error_type, message="status 500", url=url_of(listing(n))) for n in range(number)]


def ended(
    engine: Engine,
    spider: str = "detail",
    *,
    counts: Counts | None = None,
    errors: list[CrawlError] | None = None,
    outcome: Outcome = "completed",
    reason: str = "finished",
) -> SessionRef:
    session = new_session(engine, spider)
    with engine.begin() as connection:
        runs.record_errors(connection, session, errors or [])
        runs.add_counts(connection, session, counts or Counts())
        runs.close_session(connection, session, outcome=outcome, reason=reason)
        conditions.look_at_session(connection, session)
    return session


def open_alerts(engine: Engine) -> list[tuple[Any, ...]]:
    found = rows(engine, "SELECT kind, subject, severity, message FROM alerts WHERE resolved_at IS NULL ORDER BY id")
    return [tuple(row.values()) for row in found]


def test_a_session_with_many_errors_is_told_until_one_like_it_goes_well(engine: Engine) -> None:
    ended(engine, counts=Counts(unchanged=80), errors=failures(20))
    ((kind, subject, severity, message),) = open_alerts(engine)
    assert (kind, subject, severity) == ("error_rate", "detail", "warning")
    assert message == "20 of 100 pages of a detail session could not be had (20%): 20 http_status"
    ended(engine, "manifest", counts=Counts(pages=50))
    ended(engine, counts=Counts(unchanged=2))
    assert len(open_alerts(engine)) == 1
    ended(engine, counts=Counts(unchanged=80), errors=failures(2))
    assert open_alerts(engine) == []


def test_a_page_that_failed_twice_counts_once_and_a_listing_that_is_gone_is_no_failure(engine: Engine) -> None:
    ended(engine, counts=Counts(unchanged=60), errors=[*failures(6), *failures(6), *failures(30, ErrorType.GONE)])
    assert open_alerts(engine) == []


@pytest.mark.parametrize(("outcome", "reason"), [("cancelled", "paused"), ("failed", "blocked")])
def test_of_a_crawl_that_was_stopped_something_else_tells(engine: Engine, outcome: Outcome, reason: str) -> None:
    ended(engine, errors=failures(50), outcome=outcome, reason=reason)
    assert open_alerts(engine) == []


def test_a_crawl_that_read_nothing_is_critical(engine: Engine) -> None:
    ended(engine, errors=failures(5, ErrorType.PARSE), outcome="failed", reason="nothing could be read")
    assert [alert[:3] for alert in open_alerts(engine)] == [("error_rate", "detail", "critical")]


# --- backlog ---


@given(st.integers(0, 20_000), st.integers(0, 200_000), st.booleans())
def test_an_open_backlog_ends_no_sooner_than_a_new_one_begins(pending: int, seconds: int, is_open: bool) -> None:
    overdue = timedelta(seconds=seconds)
    state = backlog_state(pending, overdue, ceiling=10_000, is_open=is_open)
    assert (state == "warning") == (overdue > conditions.LONGEST_OVERDUE)
    assert RANK[backlog_state(pending, overdue, ceiling=10_000, is_open=True)] >= RANK[state]
    assert RANK[backlog_state(pending + 1, overdue, ceiling=10_000, is_open=is_open)] >= RANK[state]


def test_a_full_window_is_worth_knowing() -> None:
    none = timedelta(0)
    assert backlog_state(9_000, none, ceiling=10_000) == "fine"
    assert backlog_state(9_001, none, ceiling=10_000) == "info"
    assert backlog_state(8_000, none, ceiling=10_000, is_open=True) == "info"
    assert backlog_state(7_500, none, ceiling=10_000, is_open=True) == "fine"


def test_rows_that_wait_beyond_their_bound_are_told_until_they_are_fetched(engine: Engine) -> None:
    with engine.begin() as connection:
        queue.enqueue(connection, PORTAL, [Want(listing(n), url_of(listing(n)), "price_change") for n in range(3)])
        assert conditions.look_at_queue(connection, PORTAL, ceiling=queue.CEILING) == "fine"
    run(engine, "UPDATE scrape_queue SET claim_key = claim_key - interval '3 days' WHERE property_id = :id", id=listing(1))
    with engine.begin() as connection:
        assert conditions.look_at_queue(connection, PORTAL, ceiling=queue.CEILING) == "warning"
    ((kind, subject, severity, message),) = open_alerts(engine)
    assert (kind, subject, severity) == ("backlog", "", "warning")
    assert message == "3 pages wait in the queue, the first of them 3.0 days longer than it should"
    run(engine, "UPDATE scrape_queue SET status = 'cancelled', completed_at = app_now()")
    with engine.begin() as connection:
        assert conditions.look_at_queue(connection, PORTAL, ceiling=queue.CEILING) == "fine"
    assert open_alerts(engine) == []


# --- tiers ---


def test_a_tier_is_overdue_until_it_runs(engine: Engine) -> None:
    with engine.begin() as connection:
        first = conditions.raise_overdue(connection, PORTAL, "daily_sync", timedelta(hours=7))
        assert conditions.raise_overdue(connection, PORTAL, "daily_sync", timedelta(days=3)) == first
    assert open_alerts(engine) == [
        ("tier_overdue", "daily_sync", "warning", "daily_sync has been due for 3.0 days and has not run")
    ]
    with engine.begin() as connection:
        assert conditions.tier_ran(connection, PORTAL, "hot_listings") is False
        assert conditions.tier_ran(connection, PORTAL, "daily_sync") is True
    assert open_alerts(engine) == []


# --- far from its own history ---

SHARES = st.lists(st.floats(0, 1), min_size=unusual.FEWEST_SESSIONS, max_size=unusual.SESSIONS)


@given(st.lists(st.floats(0, 1), max_size=unusual.FEWEST_SESSIONS - 1), st.floats(0, 1))
def test_a_short_history_says_nothing(history: list[float], value: float) -> None:
    assert unusual.is_far(value, history, floor=0.1) is None


@given(SHARES, st.floats(0, 1), st.randoms(use_true_random=False))
def test_the_order_of_the_past_is_no_matter_and_nearer_is_never_farther(history: list[float], value: float, chance: Any) -> None:
    mixed = history.copy()
    chance.shuffle(mixed)
    far = unusual.is_far(value, history, floor=0.1)
    assert unusual.is_far(value, mixed, floor=0.1) == far
    middle = unusual.median(history)
    assert unusual.is_far(middle, history, floor=0.1) is False
    if not far:
        assert unusual.is_far((value + middle) / 2, history, floor=0.1) is False


@given(st.floats(0.2, 0.8), st.lists(st.floats(0, 1), max_size=9))
def test_a_few_sick_sessions_do_not_hide_the_next(usual: float, sick: list[float]) -> None:
    history = [usual] * 11 + sick
    assert unusual.is_far(usual, history, floor=0.1) is False
    assert unusual.is_far(usual - 0.2, history, floor=0.1) is True


def manifest(engine: Engine, listings: int) -> None:
    session = new_session(engine, "manifest")
    with engine.begin() as connection:
        counts = arrivals.record_pages(connection, session, [page(*(entry(n) for n in range(listings)))], pages_wanted=1)
        runs.add_counts(connection, session, counts)
        runs.close_session(connection, session, outcome="completed", reason="finished")
        conditions.look_at_session(connection, session)


def test_a_manifest_with_half_the_usual_listings_is_told_until_the_next_is_as_usual(engine: Engine) -> None:
    manifest(engine, 10)
    for number in range(8):
        manifest(engine, 30 + number % 2)
    assert open_alerts(engine) == []
    manifest(engine, 15)
    assert open_alerts(engine) == [
        ("crawl_unusual", "manifest", "warning", "manifest: 15 listings, 30 are usual"),
    ]
    manifest(engine, 31)
    assert open_alerts(engine) == []


def detail(engine: Engine, first: int, **facts: Any) -> None:
    session = new_session(engine, "detail")
    with engine.begin() as connection:
        items = [item(first + n, minute=first, **facts) for n in range(20)]
        runs.add_counts(connection, session, promote.promote(connection, session, items))
        runs.close_session(connection, session, outcome="completed", reason="finished")
        conditions.look_at_session(connection, session)


def test_details_of_which_a_field_is_lost_are_told(engine: Engine) -> None:
    for number in range(8):
        detail(engine, 20 * number)
    assert open_alerts(engine) == []
    measures = one(engine, "SELECT stats -> 'measures' AS found FROM scraping_sessions LIMIT 1")["found"]
    assert (measures["read"], measures["bedrooms"], measures["offers"]) == (1, 1, 1)
    detail(engine, 200, bedrooms=None)
    assert open_alerts(engine) == [
        ("crawl_unusual", "detail", "warning", "detail: bedrooms filled: 0%, 100% is usual"),
    ]
    assert scalar(engine, "SELECT details -> 'usual' ->> 'bedrooms' FROM alerts") == "1.0"
    detail(engine, 220)
    assert open_alerts(engine) == []


def test_walks_of_another_length_are_another_history() -> None:
    assert unusual.comparable("detail", {"limit": 5}) is None
    alike = unusual.comparable("manifest", {"pages": 10, "portal": "pincali", "base_url": "http://127.0.0.1"})
    assert unusual.subject("manifest", alike) == "manifest pages=10"
