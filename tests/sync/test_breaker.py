"""Pauses as rows. What the clock would bring is written into the row."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from propspider.items import CrawlError, ErrorType
from propspider.sync import alerts, breaker, queue, runs
from propspider.sync.breaker import Pause, Resumed
from tests.builders import PORTAL, listing, new_session, one, rows, run, scalar, url_of

SOON = timedelta(minutes=2)


def trip(engine: Engine, reason: str = "blocked") -> Pause:
    with engine.begin() as connection:
        return breaker.trip(connection, PORTAL, reason)


def pause(engine: Engine, portal: str = PORTAL, until: datetime | None = None) -> Pause:
    with engine.begin() as connection:
        return breaker.pause(connection, portal, "maintenance", "ana", until)


def resume(engine: Engine, portal: str = PORTAL) -> Resumed:
    with engine.begin() as connection:
        return breaker.resume(connection, portal)


def paused(engine: Engine, portal: str = PORTAL) -> Pause | None:
    with engine.connect() as connection:
        return breaker.paused(connection, portal)


def ran_out(engine: Engine, hours: float) -> None:
    run(engine, "UPDATE portal_pauses SET until = clock_timestamp() - make_interval(secs => :seconds)", seconds=hours * 3600)


def hours_left(found: Pause) -> float:
    assert found.until is not None
    return (found.until - datetime.now(UTC)) / timedelta(hours=1)


def test_a_block_pauses_for_an_hour_and_tells_somebody(engine: Engine) -> None:
    assert paused(engine) is None
    made = trip(engine)
    assert hours_left(made) == pytest.approx(1, abs=0.05)
    assert (made.paused_by, made.times, made.reason) == ("breaker", 1, "blocked")
    assert paused(engine) == made
    assert paused(engine, "acme") is None
    alert = one(engine, "SELECT * FROM alerts")
    assert (alert["kind"], alert["portal"], alert["severity"], alert["times"]) == ("block", PORTAL, "critical", 1)
    assert alert["message"] == f"blocked; paused {made.end}"


def test_each_further_block_within_a_day_lasts_twice_as_long_up_to_a_day(engine: Engine) -> None:
    lengths = []
    for _ in range(7):
        lengths.append(round(hours_left(trip(engine))))
        ran_out(engine, hours=23)
    assert lengths == [1, 2, 4, 8, 16, 24, 24]
    ran_out(engine, hours=25)
    assert paused(engine) is None
    assert round(hours_left(trip(engine))) == 1
    assert scalar(engine, "SELECT times FROM portal_pauses") == 1


def test_crawls_that_end_blocked_side_by_side_are_one_block(engine: Engine) -> None:
    first = trip(engine)
    second = trip(engine)
    assert (second.times, second.paused_at) == (1, first.paused_at)
    assert hours_left(second) == pytest.approx(1, abs=0.05)
    assert scalar(engine, "SELECT times FROM alerts") == 2


def test_a_block_never_shortens_what_somebody_paused(engine: Engine) -> None:
    mine = pause(engine)
    assert trip(engine) == mine
    assert paused(engine) == mine
    assert scalar(engine, "SELECT count(*) FROM alerts") == 1
    later = datetime.now(UTC) + timedelta(hours=5)
    pause(engine, until=later)
    assert trip(engine).until == later
    pause(engine, until=datetime.now(UTC) + SOON)
    assert hours_left(trip(engine)) == pytest.approx(1, abs=0.05)


def test_the_pause_of_all_holds_for_each_and_the_longer_one_is_told(engine: Engine) -> None:
    everything = pause(engine, breaker.EVERY_PORTAL)
    trip(engine)
    assert paused(engine) == everything
    assert paused(engine, "acme") == everything
    assert [ended.portal for ended in resume(engine, breaker.EVERY_PORTAL).ended] == ["*"]
    left = paused(engine)
    assert left is not None
    assert left.paused_by == "breaker"


def test_resuming_ends_the_pause_and_its_alert_and_does_not_forget_the_block(engine: Engine) -> None:
    made = trip(engine)
    assert resume(engine) == Resumed([made], 1)
    assert paused(engine) is None
    assert scalar(engine, "SELECT count(*) FROM alerts WHERE resolved_at IS NULL") == 0
    assert resume(engine) == Resumed([], 0)
    assert trip(engine).times == 2


def test_a_pause_that_no_block_made_counts_as_none(engine: Engine) -> None:
    pause(engine)
    resume(engine)
    assert (trip(engine).times, scalar(engine, "SELECT count(*) FROM portal_pauses")) == (1, 1)


def test_an_alert_of_something_else_is_not_resolved(engine: Engine) -> None:
    with engine.begin() as connection:
        alerts.raise_alert(connection, "sweep_void", "nothing came", portal=PORTAL, subject="sale")
        alerts.raise_alert(connection, "block", "status 403", portal="acme")
    trip(engine)
    assert resume(engine).alerts == 1
    with engine.begin() as connection:
        assert breaker.resume_all(connection).alerts == 1
        assert [alert.kind for alert in alerts.open_alerts(connection)] == ["sweep_void"]


def test_all_pauses_end_at_once(engine: Engine) -> None:
    trip(engine)
    pause(engine, "acme")
    pause(engine, breaker.EVERY_PORTAL)
    with engine.begin() as connection:
        assert sorted(ended.portal for ended in breaker.resume_all(connection).ended) == ["*", "acme", PORTAL]
        assert breaker.pauses(connection) == []


def test_the_session_tells_how_the_block_looked(engine: Engine) -> None:
    session = new_session(engine)
    with engine.begin() as connection:
        seen = [
            CrawlError(portal=PORTAL, error_type=kind, message=said)
            for kind, said in ((ErrorType.HTTP_STATUS, "status 500"), (ErrorType.BLOCKED, "status 403"))
        ]
        runs.record_errors(connection, session, seen)
        made = breaker.trip(connection, PORTAL, "blocked", session_id=session.id)
    assert made.reason == "blocked: status 403"
    details = scalar(engine, "SELECT details FROM alerts")
    assert (details["session_id"], details["blocks_in_a_row"]) == (str(session.id), 1)


def test_nothing_is_claimed_of_a_paused_portal(engine: Engine) -> None:
    worker = queue.Claimer(PORTAL, worker="w", session_id=None, lease_seconds=60)
    with engine.begin() as connection:
        queue.enqueue(connection, PORTAL, [queue.Want(listing(1), url_of(listing(1)), "new_property")])
    made = trip(engine)
    with pytest.raises(queue.PortalPaused) as caught, engine.begin() as connection:
        worker.claim(connection, 1)
    assert str(caught.value) == (
        f"{PORTAL} is paused since {made.since}, {made.end} (blocked): propspider resume --portal {PORTAL}"
    )
    resume(engine)
    with engine.begin() as connection:
        assert len(worker.claim(connection, 1)) == 1
    assert rows(engine, "SELECT status FROM scrape_queue") == [{"status": "in_progress"}]
