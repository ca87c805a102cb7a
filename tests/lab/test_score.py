"""What a database made of a small world, scored from the database itself."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine

from propspider.db.engine import create_engine
from propspider.items import CrawlError, ErrorType
from propspider.lab.outcomes import Books
from propspider.lab.score import Scorecard, Targets
from propspider.lab.truth import Kind
from propspider.sync import runs
from tests.builders import PORTAL, new_session, offer, page, run, url_of
from tests.lab.scoring import Laboratory, Logged, SmallTruth, fact, hour, public, value
from tests.sync.steps import flush_pages

CHEAPER = offer(4_200_000)
BOTH = (offer(), offer(2_000, "USD", "rent"))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def lab(engine: Engine) -> Callable[..., Laboratory]:
    return lambda *states: Laboratory(engine, SmallTruth(*states))


def books(card: Scorecard, kind: Kind) -> Books:
    return next(one for one in card.events if one.kind is kind)


# --- each kind, noticed ---


def test_a_database_that_follows_has_all_its_figures(lab: Callable[..., Laboratory]) -> None:
    told = lab(
        (-500, fact(2)),
        (10, fact(1)),
        (50, fact(1, CHEAPER)),
        (100, fact(1, CHEAPER, shown=False)),
        (200, fact(1, CHEAPER)),
    )
    told.reads(-1, fact(2))
    told.starts()
    told.reads(12, fact(1))
    told.samples_at(24)
    told.reads(53, fact(1, CHEAPER))
    told.samples_at(72)
    told.calls(140, 1, "confirmed_removed")
    told.samples_at(144)
    told.calls(205, 1, "relisted")
    card = told.scored()
    of = {name: value(card, name) for name in (row.name for row in card.rows)}
    assert (of["new in 24 h"], of["new in 24 h, of those shown so long"], of["new precision"]) == (1, 1, 1)
    assert [of[f"{what} latency, mean"] for what in ("new", "price change", "removal", "relist")] == [2, 3, 40, 5]
    assert [of[f"{what} latency, p95"] for what in ("new", "price change", "removal", "relist")] == [2, 3, 40, 5]
    assert [of[f"{what} precision"] for what in ("price change", "removal", "relist")] == [1, 1, 1]
    assert (of["price change recall within 7 d"], of["removal recall within 21 d"], of["relist recall within 7 d"]) == (1, 1, 1)
    assert (of["false removals"], of["rows lost"], of["values overwritten wrongly"], of["ledger imbalance"]) == (0, 0, 0, 0)
    assert (of["F_core, mean"], of["F_all, mean"]) == (1, 1)
    assert of["oldest detail"] == pytest.approx(145 / 24)
    assert card.missed == []
    noticed = {one.kind: one.detected for one in card.events if one.events}
    assert noticed == {Kind.NEW: 1, Kind.REPRICED: 1, Kind.REMOVED: 1, Kind.RELISTED: 1}


def test_what_came_late_is_noticed_and_not_in_time(lab: Callable[..., Laboratory]) -> None:
    told = lab((10, fact(1)), (200, fact(1, shown=False)), (10, fact(2)))
    told.reads(40, fact(1))
    told.reads(11, fact(2))
    told.calls(200 + 22 * 24, 1, "confirmed_removed")
    card = told.scored(until_days=60)
    assert (value(card, "new in 24 h"), value(card, "removal recall within 21 d")) == (0.5, 0)
    assert (value(card, "new latency, mean"), value(card, "new latency, p95")) == (15.5, 30)
    assert (books(card, Kind.NEW).detected, books(card, Kind.REMOVED).detected) == (2, 1)


def test_what_nobody_noticed_is_missed_and_no_percentile_is_reached(lab: Callable[..., Laboratory]) -> None:
    told = lab((10, fact(1)), (20, fact(2)), (30, fact(2, CHEAPER)))
    told.reads(25, fact(2))
    card = told.scored(new_in_24_h="the budget: 1 request")
    assert (value(card, "new in 24 h"), value(card, "new latency, p50")) == (0.5, 5)
    assert value(card, "new latency, p95") is None
    assert books(card, Kind.NEW).why == {"missed: never stored": 1}
    assert books(card, Kind.REPRICED).why == {"missed: unnoticed": 1}
    assert (value(card, "price change recall within 7 d"), value(card, "price change latency, mean")) == (0, None)
    missed = card.row("new in 24 h")
    assert (missed.is_met, missed.reason, missed.margin) == (False, "the budget: 1 request", pytest.approx(-0.45))
    assert card.row("removal precision").is_met is False


def test_young_events_are_not_judged_and_wait_in_the_ledger(lab: Callable[..., Laboratory]) -> None:
    told = lab((-500, fact(2)), (230, fact(1)), (100, fact(2, shown=False)))
    told.reads(-1, fact(2))
    card = told.scored(until_days=10)
    assert (value(card, "new in 24 h"), value(card, "new events judged"), value(card, "removal events judged")) == (None, 0, 0)
    assert (books(card, Kind.NEW).why, books(card, Kind.REMOVED).why) == ({"pending: young": 1}, {"pending: young": 1})


def test_work_that_is_under_way_is_pending(lab: Callable[..., Laboratory]) -> None:
    told = lab((10, fact(1)), (10, fact(2)), (10, fact(3)), (15, fact(3, shown=False)))
    told.sees(12, 1, 3)
    card = told.scored()
    assert books(card, Kind.NEW).why == {"missed: never stored": 1, "missed: overtaken": 1, "pending: queued": 1}
    assert (value(card, "new in 24 h"), value(card, "new in 24 h, of those shown so long")) == (0, 0)


def test_a_removal_that_was_taken_back_before_anyone_looked_is_missed(lab: Callable[..., Laboratory]) -> None:
    told = lab((-500, fact(1)), (10, fact(1, shown=False)), (20, fact(1)), (30, fact(1)))
    told.reads(-1, fact(1))
    told.sees(26, 1)
    card = told.scored()
    assert books(card, Kind.REMOVED).why == {"missed: overtaken": 1}
    assert value(card, "relist latency, mean") == 6
    assert books(card, Kind.BUMPED).why == {"missed: unnoticed": 1}


def test_a_price_that_moved_twice_is_known_when_the_row_is_right(lab: Callable[..., Laboratory]) -> None:
    told = lab((-500, fact(1)), (10, fact(1, CHEAPER)), (12, fact(1, offer(4_100_000))))
    told.reads(-1, fact(1))
    told.reads(11, fact(1, CHEAPER), stored=14)
    assert value(told.scored(), "price change recall within 7 d") == 0.5
    told.reads(24, fact(1, offer(4_100_000)))
    card = told.scored()
    assert (value(card, "price change recall within 7 d"), value(card, "price change latency, mean")) == (1, 8)


def test_edits_and_lost_offers_are_noticed(lab: Callable[..., Laboratory]) -> None:
    edited, alone = fact(1, *BOTH, description="Other words"), fact(1, offer(), description="Other words")
    told = lab((-500, fact(1, *BOTH)), (10, edited), (20, alone))
    told.reads(-1, fact(1, *BOTH))
    told.reads(15, edited)
    told.reads(30, alone)
    told.reads(60, alone)
    card = told.scored()
    assert (books(card, Kind.EDITED).detected, books(card, Kind.OFFER_GONE).detected) == (1, 1)
    assert value(card, "values overwritten wrongly") == 0
    assert value(card, "price change precision") == 1


# --- harm ---


def test_a_listing_called_gone_while_it_is_shown_is_a_false_removal(lab: Callable[..., Laboratory]) -> None:
    told = lab((-500, fact(1)), (-500, fact(2)), (20, fact(2, shown=False)))
    told.reads(-1, fact(1))
    told.reads(-1, fact(2))
    told.calls(30, 1, "confirmed_removed")
    told.samples_at(31)
    told.calls(40, 2, "sold")
    card = told.scored(targets=Targets.under_fault())
    assert (value(card, "false removals"), value(card, "removal precision")) == (1, 0.5)
    assert [row.name for row in card.missed] == ["false removals"]
    (first,) = card.samples
    assert (first.listings, first.rows_shown, first.either, first.core_right) == (1, 1, 2, 0)


@pytest.mark.parametrize(
    "written",
    [
        fact(1, title="Just a moment..."),
        fact(1, description="Please sign in"),
        fact(1, offer(4_650_000, "USD")),
        fact(1, offer(4_000_000)),
    ],
)
def test_a_value_that_was_never_true_is_counted(lab: Callable[..., Laboratory], written: object) -> None:
    told = lab((-500, fact(1)), (300, fact(1, offer(4_000_000))))
    told.reads(-1, fact(1))
    told.reads(20, written)
    if written == fact(1, offer(4_650_000, "USD")):  # the row gate keeps it from live, unless somebody writes it all the same
        run(
            told.engine,
            "INSERT INTO property_changes (property_id, portal, change_type, field_name, old_value, new_value, change_reason,"
            " observed_at) SELECT property_id, portal, 'updated', 'offers', offers,"
            " jsonb_set(offers, '{0,currency}', '\"USD\"'), 'test', :at FROM properties_live",
            at=hour(20),
        )
    card = told.scored()
    assert value(card, "values overwritten wrongly") == 1
    assert card.wrong[0].write.public_id == public(1)
    assert card.row("values overwritten wrongly").is_met is False


def test_an_old_value_is_late_and_not_wrong(lab: Callable[..., Laboratory]) -> None:
    told = lab((-500, fact(1, title="Before")), (10, fact(1, title="After")))
    told.reads(-1, fact(1, title="Before"))
    told.reads(11, fact(1, title="After"))
    told.reads(20, fact(1, title="Before"))
    assert value(told.scored(), "values overwritten wrongly") == 0


def test_rows_that_are_no_more_are_lost(lab: Callable[..., Laboratory]) -> None:
    told = lab((-500, fact(1)), (-500, fact(2)), (-500, fact(3)))
    for number in (1, 2, 3):
        told.reads(-1, fact(number))
    told.samples_at(1)
    run(told.engine, "DELETE FROM properties_live WHERE property_id LIKE '%1'")
    assert value(told.scored(), "rows lost") == 1
    run(told.engine, "DELETE FROM properties_live; DELETE FROM property_changes")
    told.samples_at(2)
    assert value(told.scored(), "rows lost") == 3


# --- doing nothing ---


def test_a_target_that_doing_nothing_meets_is_vacuous(lab: Callable[..., Laboratory]) -> None:
    told = lab((-500, fact(2)), (10, fact(1)), (20, fact(2, shown=False)))
    told.reads(-240, fact(2))
    told.starts()
    told.reads(12, fact(1))
    told.calls(60, 2, "confirmed_removed")
    told.samples_at(12, 60)
    card = told.scored(targets=Targets(backlog=10))
    vacuous = {row.name: row.is_vacuous for row in card.rows if row.target is not None}
    assert vacuous == {
        "new in 24 h": False,
        "removal precision": False,
        "removal recall within 21 d": False,
        "ledger imbalance": True,
        "rows lost": True,
        "values overwritten wrongly": True,
        "oldest detail": True,
        "backlog, most": True,
    }
    assert card.missed == []
    assert (card.row("new in 24 h").nothing, card.row("removal recall within 21 d").nothing) == (0, 0)
    assert card.row("F_core, mean").nothing == pytest.approx(1 / 31)
    assert [one.f_core for one in card.still[:3]] == [1, 0, 0]


# --- requests ---


def finished(told: Laboratory, spider: str, number: float, stats: dict[str, int]) -> runs.SessionRef:
    told.at(number)
    session = new_session(told.engine, spider)
    with told.engine.begin() as connection:
        runs.record_errors(connection, session, [])
        runs.close_session(
            connection, session, outcome="completed", reason="finished", stats={k: str(v) for k, v in stats.items()}
        )
    return session


def asks(told: Laboratory, number: float, kind: str, count: int, status: int | None = 200) -> None:
    told.log += [Logged(hour(number), "GET", "/", status, kind)] * count


def test_the_books_of_requests_balance_to_the_last_answer(lab: Callable[..., Laboratory]) -> None:
    told = lab((-500, fact(1)))
    stats = {
        "downloader/response_count": 6,
        "downloader/exception_type_count/scrapy.exceptions.DownloadTimeoutError": 2,
        "downloader/exception_type_count/scrapy.exceptions.DownloadConnectionRefusedError": 5,
        "downloader/exception_type_count/propspider.middlewares.pacing.CrawlEnding": 3,
        "downloader/response_status_count/302": 1,
        "retry/reason_count/503 Service Unavailable": 1,
        "retry/reason_count/scrapy.exceptions.DownloadTimeoutError": 2,
        "robotstxt/response_count": 1,
        "propspider/unused_answers": 1,
    }
    session = finished(told, "detail", 1, stats)
    with told.engine.begin() as connection:
        error = CrawlError(PORTAL, ErrorType.GONE, "gone", url=url_of("a:b"), status=404)
        runs.record_errors(connection, session, [error, CrawlError(PORTAL, ErrorType.DOWNLOAD, "timeout", url=url_of("a:c"))])
        runs.add_counts(connection, session, runs.Counts(scraped=1, new=1, errors=2))
    asks(told, 1, "robots", 1)
    asks(told, 1, "detail", 5)
    asks(told, 1, "detail", 1, status=None)
    found = told.books(24)
    assert (found.logged, found.stored, found.failed, found.pending, found.imbalance) == (7, 2, 5, 0, 0)
    run(told.engine, "DELETE FROM scraping_errors")
    assert (told.books(24).imbalance, told.books(24).by_spider) == (1, {"detail": 1})
    asks(told, 2, "detail", 3)
    assert told.books(24).imbalance == 1 + 2
    told.log.clear()
    assert told.books(24).imbalance == 1 + 6


def test_a_session_that_runs_has_its_requests_pending_and_one_that_died_has_them_unaccounted(
    lab: Callable[..., Laboratory],
) -> None:
    told = lab((-500, fact(1)))
    told.at(1)
    flush_pages(told.engine, page(minute=60))
    asks(told, 1, "listing", 1)
    session = new_session(told.engine)
    with told.engine.begin() as connection:
        runs.add_counts(connection, session, runs.Counts(pages=1))
    asks(told, 1, "listing", 3)
    first = told.books(24)
    assert (first.logged, first.stored, first.pending, first.imbalance) == (4, 1, 3, 0)
    with told.engine.begin() as connection:
        runs.bury(connection, [session.id])
    run(told.engine, "UPDATE scraping_sessions SET status = 'failed', completed_at = started_at WHERE status = 'running'")
    assert (told.books(24).pending, told.books(24).imbalance) == (0, 3)


def test_requests_are_compared_with_a_full_scrape(lab: Callable[..., Laboratory]) -> None:
    told = lab(*((-500, fact(number)) for number in range(1, 43)))
    for day in range(30):
        asks(told, 24 * day + 1, "detail", 2)
        asks(told, 24 * day + 1, "listing", 1 + 5 * (day == 7))
    told.samples_at(1)
    card = told.scored()
    assert value(card, "detail requests a day") == 2
    assert value(card, "a full scrape, against a day's sync") == pytest.approx(43 / 3)
    assert value(card, "requests a listing and day") == pytest.approx(95 / 30 / 42)
    assert card.traffic.by_day[7, "listing"] == 6
    assert value(card, "ledger imbalance") == 95


def test_runs_of_tiers_are_told_by_name(lab: Callable[..., Laboratory]) -> None:
    told = lab((-500, fact(1)))
    for start, hours in ((1, 2), (30, 4)):
        run(
            told.engine,
            "INSERT INTO sync_runs (portal, tier_level, tier_name, status, started_at, completed_at)"
            " VALUES (:portal, 2, 'daily_sync', 'completed', :start, :end)",
            portal=PORTAL,
            start=hour(start),
            end=hour(start + hours),
        )
    card = told.scored()
    names = ("daily_sync runs", "daily_sync takes, mean", "daily_sync takes, most")
    assert [value(card, name) for name in names] == [2, 3, 4]


def test_a_span_without_time_is_not_scored(lab: Callable[..., Laboratory]) -> None:
    with pytest.raises(ValueError, match="nothing to score"):
        lab((-500, fact(1))).scored(until_days=0)
