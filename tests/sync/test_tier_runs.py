"""The row of a tier's run: opened, noted, taken up, ended; and what its crawls say."""

import uuid
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from propspider.items import CrawlError, ErrorType
from propspider.sync import leases, queue, run_reports, runs, tier_runs
from propspider.sync.arrivals import record_pages
from propspider.sync.leases import Lease, Superseded
from propspider.sync.runs import Counts, SessionRef
from tests.builders import PORTAL, SITE, at, entry, one, page, rows, run, scalar


def lease_of(engine: Engine, level: int | None = 2) -> Lease:
    with engine.begin() as connection:
        return leases.acquire(connection, leases.of_tier(PORTAL, level), "here:1, tier 2", ttl_seconds=30)


def opened(engine: Engine, level: int | None = 2, name: str = "daily_sync", **metadata: object) -> uuid.UUID:
    with engine.begin() as connection:
        return tier_runs.open_run(connection, PORTAL, level, name, metadata).id


def crawl(engine: Engine, run_id: uuid.UUID, spider: str = "manifest") -> SessionRef:
    with engine.begin() as connection:
        return runs.open_session(
            connection, portal=PORTAL, spider=spider, arguments={}, base_url=SITE, parser_version="0", sync_run_id=run_id
        )


def ended(engine: Engine, session: SessionRef, counts: Counts, *failures: ErrorType) -> None:
    with engine.begin() as connection:
        runs.add_counts(connection, session, counts)
        runs.record_errors(connection, session, [CrawlError(PORTAL, kind, "it failed") for kind in failures])
        runs.close_session(connection, session, outcome="completed", reason="finished")


def test_the_end_of_a_crawl_does_not_end_the_run_of_a_tier_not_even_of_a_full_sync(engine: Engine) -> None:
    full = opened(engine, None, "full_sync")
    ended(engine, crawl(engine, full), Counts(pages=3))
    assert one(engine, "SELECT status, pages_scanned FROM sync_runs") == {"status": "running", "pages_scanned": 3}


def test_facts_are_noted_under_the_lease_only(engine: Engine) -> None:
    run_id, lease = opened(engine, done=[], step="manifest"), lease_of(engine)
    with engine.begin() as connection:
        tier_runs.note(connection, run_id, lease, {"done": ["manifest"], "at": at(0)})
        tier_runs.add_queued(connection, run_id, lease, 7)
    row = one(engine, "SELECT metadata, properties_queued FROM sync_runs")
    assert row == {
        "metadata": {"done": ["manifest"], "step": "manifest", "at": str(at(0))},
        "properties_queued": 7,
    }
    run(engine, "UPDATE leases SET fence = fence + 1")
    with pytest.raises(Superseded), engine.begin() as connection:
        tier_runs.note(connection, run_id, lease, {"done": []})
    with pytest.raises(Superseded), engine.begin() as connection:
        tier_runs.add_queued(connection, run_id, lease, 1)


def test_a_run_is_unfinished_until_it_is_closed_once(engine: Engine) -> None:
    run_id = opened(engine)
    with engine.begin() as connection:
        assert [found.id for found in tier_runs.unfinished(connection)] == [run_id]
        assert tier_runs.unfinished(connection, "elsewhere") == []
        tier_runs.close(connection, run_id, "failed", "it was tired")
        tier_runs.close(connection, run_id, "completed", None)
        assert tier_runs.unfinished(connection, PORTAL) == []
    row = one(engine, "SELECT status, error_summary, execution_time_ms FROM sync_runs")
    assert (row["status"], row["error_summary"]) == ("failed", "it was tired")
    assert row["execution_time_ms"] >= 0


def test_the_history_of_a_tier_is_its_last_run_and_when_it_was_last_found_due(engine: Engine) -> None:
    due = datetime(2026, 3, 1, 6, tzinfo=UTC)
    scheduled = opened(engine, scheduled_for=due.isoformat())
    with engine.begin() as connection:
        tier_runs.close(connection, scheduled, "completed", None)
    by_hand = opened(engine, scheduled_for=None)
    with engine.connect() as connection:
        past = tier_runs.history(connection, PORTAL)
    assert past.keys() == {"daily_sync"}
    assert (past["daily_sync"].id, past["daily_sync"].last_scheduled, past["daily_sync"].status) == (by_hand, due, "running")


def test_only_failures_of_the_portal_or_the_network_count_against_a_run(engine: Engine) -> None:
    run_id = opened(engine)
    ended(engine, crawl(engine, run_id), Counts(pages=8, errors=3), ErrorType.HTTP_STATUS, ErrorType.ROBOTS, ErrorType.CARD)
    ended(engine, crawl(engine, run_id, "detail"), Counts(scraped=10, new=9, errors=3), ErrorType.DOWNLOAD, ErrorType.GONE)
    ended(engine, crawl(engine, run_id, "verify"), Counts(errors=1), ErrorType.HTTP_STATUS)
    with engine.connect() as connection:
        found = tier_runs.outcomes(connection, run_id)
        crawls = tier_runs.crawls(connection, run_id)
    assert (found.read, found.failed, found.success_rate) == (18, 2, 0.9)
    assert tier_runs.Outcomes(0, 0).success_rate == 1
    assert [(one.spider, one.stored, one.handled) for one in crawls if one.spider == "detail"] == [("detail", 9, 13)]


def test_what_a_dead_crawl_held_is_free_again(engine: Engine) -> None:
    session = crawl(engine, opened(engine), "detail")
    holder = f"here:1, session {str(session.id)[:8]}"
    with engine.begin() as connection:
        leases.acquire(connection, "sweep:pincali:sale", holder)
        queue.enqueue(connection, PORTAL, [queue.Want("pincali:EB-AA0001", SITE, "new_property")])
        queue.claim(connection, PORTAL, batch=1, worker="here:1", session_id=session.id, lease_seconds=300)
        assert [str(one).partition(",")[0] for one in leases.held(connection, ["sweep:pincali:sale", "sweep:pincali:rent"])] == [
            "sweep:pincali:sale is held by here:1"
        ]
    with engine.begin() as connection:
        tier_runs.bury_crawl(connection, session.id)
        tier_runs.bury_crawl(connection, session.id)
    assert one(engine, "SELECT status, finish_reason FROM scraping_sessions") == {"status": "failed", "finish_reason": "died"}
    assert scalar(engine, "SELECT status FROM scrape_queue") == "pending"
    with engine.connect() as connection:
        assert leases.held(connection, ["sweep:pincali:sale"]) == []


def walked(engine: Engine, run_id: uuid.UUID, *numbers: int, pages_wanted: int, scope: str = "sale", minute: float = 0) -> None:
    session = crawl(engine, run_id)
    with engine.begin() as connection:
        shown = page(*(entry(number) for number in numbers), scope=scope, minute=minute, number=pages_wanted, stated_total=90)
        record_pages(connection, session, [shown], pages_wanted=pages_wanted)
    ended(engine, session, Counts(pages=1))


def test_a_scope_is_gone_on_with_where_its_last_page_was_new_and_it_was_walked_before(engine: Engine) -> None:
    def to_go_on(run_id: uuid.UUID) -> dict[str, int]:
        with engine.connect() as connection:
            return tier_runs.scopes_to_go_on(connection, run_id)

    first = opened(engine, 1, "hot_listings")
    walked(engine, first, 1, 2, pages_wanted=2)
    assert to_go_on(first) == {}
    second = opened(engine, 1, "hot_listings")
    walked(engine, second, 2, 3, pages_wanted=2, minute=5)
    assert to_go_on(second) == {"sale": 2}
    walked(engine, second, 1, 2, pages_wanted=4, minute=6)
    assert to_go_on(second) == {}


def test_the_size_of_a_scope_is_what_its_last_walk_stated(engine: Engine) -> None:
    walked(engine, opened(engine), 1, 2, 3, pages_wanted=1)
    with engine.connect() as connection:
        assert tier_runs.scope_sizes(connection, PORTAL) == {"sale": tier_runs.ScopeSize("sale", 90, 3.0)}
        assert tier_runs.shown(connection, PORTAL) == 0


def test_a_run_is_told_with_its_crawls_and_errors(engine: Engine) -> None:
    run_id, lease = opened(engine), lease_of(engine)
    ended(engine, crawl(engine, run_id), Counts(pages=8, errors=2), ErrorType.CARD, ErrorType.CARD)
    with engine.begin() as connection:
        running = run_reports.details(connection, run_id)
        leases.release(connection, lease)
    with engine.connect() as connection:
        (cut_off,) = run_reports.reports(connection, portal=PORTAL, tier="daily_sync")
        assert run_reports.reports(connection, tier="hot_listings") == []
    assert (running.run.state, cut_off.state) == ("running", "cut off")
    assert (running.run.pages_scanned, running.errors) == (8, {"card": 2})
    assert [session.spider for session in running.sessions] == ["manifest"]
    assert rows(engine, "SELECT 1 AS n FROM sync_runs") == [{"n": 1}]
