"""The rules of scoring, without a database."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from propspider.lab import outcomes
from propspider.lab.outcomes import HORIZONS
from propspider.lab.record import Record, Write
from propspider.lab.requests import Session, balance, traffic
from propspider.lab.score import Targets, meets
from propspider.lab.truth import Event, Kind
from propspider.lab.values import Past
from tests.builders import offer
from tests.lab.scoring import Logged, SmallTruth, fact, hour, public, row

UNTIL = 24 * 40.0
HOURS = st.integers(0, int(UNTIL) - 1)
LISTINGS = st.integers(1, 4)
FIELDS = ("listing_status", "offers", "title", "description", "source_url")
FOR_SALE = '[{"operation": "sale", "unit": "total", "kind": "exact", "amount": 5, "amount_max": null, "currency": "MXN"}]'
VALUES = {
    "listing_status": st.sampled_from(["active", "likely_removed", "confirmed_removed", "sold", "relisted"]),
    "offers": st.sampled_from([None, "[]", FOR_SALE]),
}

a_busy_machine_is_no_failure = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)


@st.composite
def an_event(draw: st.DrawFn) -> Event:
    of = {"operation": offer().operation, "new": draw(st.sampled_from([None, offer(5).amount]))}
    kind = draw(st.sampled_from(Kind))
    return Event(at=hour(draw(HOURS)), kind=kind, public_id=public(draw(LISTINGS)), **of)


@st.composite
def a_write(draw: st.DrawFn) -> Write:
    at, field = draw(HOURS), draw(st.sampled_from(FIELDS))
    value: Any = draw(VALUES.get(field, st.just("x")))
    fetched = hour(at - draw(st.integers(0, 30)))
    return Write(hour(at), fetched, public(draw(LISTINGS)), field, value, None, draw(st.booleans()))


@st.composite
def a_record(draw: st.DrawFn) -> Record:
    listings = st.frozensets(LISTINGS.map(public))
    moments = st.dictionaries(LISTINGS.map(public), st.lists(HOURS.map(hour), max_size=3).map(sorted))
    return Record(
        writes=sorted(draw(st.lists(a_write(), max_size=12)), key=lambda write: write.at),
        sightings=draw(moments),
        renames=draw(moments),
        open_work={what: draw(listings) for what in ("queued", "suspected", "held", "in need")},
        stored=draw(listings),
    )


@a_busy_machine_is_no_failure
@given(st.lists(an_event(), max_size=12), a_record())
def test_detected_pending_and_missed_are_all_events(events: list[Event], record: Record) -> None:
    events.sort(key=lambda event: event.at)
    judged = outcomes.judge(events, record, hour(UNTIL))
    assert [one.event for one in judged] == events
    ledger = outcomes.books(events, judged)
    assert sum(one.detected + one.pending + one.missed for one in ledger) == len(events)
    assert [one.imbalance for one in ledger] == [0] * len(Kind)
    for one in judged:
        assert (one.detected_at is not None) == (one.state == "detected") == (one.why is None)
        assert one.hours >= 0


@a_busy_machine_is_no_failure
@given(st.lists(an_event(), max_size=12), a_record())
def test_an_event_that_is_too_young_is_never_missed_for_its_age(events: list[Event], record: Record) -> None:
    events.sort(key=lambda event: event.at)
    for one in outcomes.judge(events, record, hour(UNTIL)):
        if one.state == "missed" and one.why != "overtaken":
            assert one.event.at + HORIZONS[one.event.kind] <= hour(UNTIL)


@a_busy_machine_is_no_failure
@given(st.lists(an_event(), max_size=12))
def test_doing_nothing_detects_nothing(events: list[Event]) -> None:
    events.sort(key=lambda event: event.at)
    judged = outcomes.judge(events, Record(), hour(UNTIL))
    assert {one.state for one in judged} <= {"pending", "missed"}
    assert all(outcomes.figures(judged, kind, hour(UNTIL)).recall in {None, 0} for kind in Kind)


def test_a_ledger_that_lost_an_outcome_says_so() -> None:
    events = [Event(at=hour(1), kind=Kind.NEW, public_id=public(1))] * 2
    judged = outcomes.judge(events, Record(), hour(UNTIL))
    assert outcomes.books(events, judged[:1])[0].imbalance == 1


def test_percentiles_count_what_was_missed_and_the_mean_does_not() -> None:
    events = [Event(at=hour(number), kind=Kind.NEW, public_id=public(number)) for number in range(20)]
    writes = [Write(hour(number + 2), hour(number + 1), public(number), "title", "x", None, True) for number in range(18)]
    of = outcomes.figures(outcomes.judge(events, Record(writes=writes), hour(UNTIL)), Kind.NEW, hour(UNTIL))
    assert (of.judged, of.recall, of.mean, of.p50, of.p95) == (20, 0.9, 2, 2, None)
    within = outcomes.figures(
        outcomes.judge(events, Record(writes=writes), hour(UNTIL)), Kind.NEW, hour(UNTIL), within=timedelta(hours=1)
    )
    assert within.recall == 0


def test_a_price_is_known_by_its_own_offer() -> None:
    sold = Event(at=hour(1), kind=Kind.REPRICED, public_id=public(1), operation=offer().operation, new=offer(5).amount)
    for text, state in ((FOR_SALE.replace("sale", "rent"), "missed"), (FOR_SALE, "detected"), ("[]", "missed")):
        record = Record(writes=[Write(hour(2), hour(2), public(1), "offers", text, None, False)])
        assert outcomes.judge([sold], record, hour(UNTIL))[0].state == state


# --- requests ---


def a_session(**facts: Any) -> Session:
    known = {
        "spider": "detail",
        "is_running": False,
        "answered": 5,
        "broken": 0,
        "robots": 1,
        "again": 0,
        "stored": 4,
        "refused": 0,
    }
    return Session(**(known | facts))


@pytest.mark.parametrize(
    ("logged", "facts", "imbalance", "pending"),
    [
        (5, {}, 0, 0),
        (6, {}, 1, 0),
        (4, {}, 1, 0),
        (6, {"broken": 1}, 0, 0),
        (5, {"broken": 1}, 0, 0),
        (8, {"broken": 1}, 2, 0),
        (5, {"stored": 3}, 1, 0),
        (5, {"stored": 3, "refused": 1}, 0, 0),
        (5, {"stored": 3, "again": 1}, 0, 0),
        (5, {"stored": 5}, 1, 0),
        (7, {"answered": None, "robots": 0, "is_running": True}, 0, 3),
        (7, {"answered": None, "robots": 0}, 3, 0),
    ],
)
def test_what_nothing_accounts_for_is_imbalance(logged: int, facts: dict[str, Any], imbalance: int, pending: int) -> None:
    found = balance(logged, [a_session(**facts)], hour(0))
    assert (found.imbalance, found.pending) == (imbalance, pending)


@a_busy_machine_is_no_failure
@given(st.lists(st.builds(a_session, answered=st.integers(0, 9), stored=st.integers(0, 9)), max_size=5), st.integers(0, 50))
def test_balanced_books_add_up(sessions: list[Session], logged: int) -> None:
    found = balance(logged, sessions, hour(0))
    if not found.imbalance:
        assert found.stored + found.failed + found.pending == logged


def test_spiders_do_not_make_up_for_one_another() -> None:
    found = balance(10, [a_session(stored=3), a_session(spider="verify", stored=5)], hour(0))
    assert (found.imbalance, found.by_spider) == (2, {"detail": 1, "verify": -1})


def test_requests_are_counted_by_day_and_kind() -> None:
    log = [Logged(hour(at), "GET", "/", 200, kind) for at, kind in ((1, "detail"), (25, "detail"), (26, "listing"), (99, "odd"))]
    found = traffic(log, hour(0), hour(48))
    assert found.by_day == {(0, "detail"): 1, (1, "detail"): 1, (1, "listing"): 1}
    assert (found.total, found.of_day(1), found.by_kind["detail"], found.by_kind["sitemap"]) == (3, 2, 2, 0)
    assert traffic(log, hour(0), hour(100)).by_kind["odd"] == 1


# --- targets ---


@pytest.mark.parametrize(
    ("value", "better", "met"),
    [(0.95, "higher", True), (0.9, "higher", False), (0.95, "lower", True), (1.0, "lower", False), (None, "lower", False)],
)
def test_meeting_a_target(value: float | None, better: Any, met: bool) -> None:
    assert meets(value, 0.95, better) is met


def test_a_row_knows_its_margin_and_what_doing_nothing_is_worth() -> None:
    assert (row(value=0.97).margin, row(value=0.97).is_met) == (pytest.approx(0.02), True)
    assert (row(value=3, target=1, better="lower").margin, row(value=3, target=1, better="lower").is_met) == (-2, False)
    assert (row(value=None).margin, row(value=None).is_met, row(target=None).is_met) == (None, False, None)
    assert row(nothing=0.96).is_vacuous
    assert not row(nothing=0.94).is_vacuous
    assert not row(nothing=None).is_vacuous
    assert not row(nothing=1, target=None).is_vacuous


def test_under_a_fault_three_things_must_not_happen() -> None:
    targets = Targets.under_fault()
    assert (targets.false_removals, targets.rows_lost, targets.wrong_values) == (0, 0, 0)
    assert (targets.new_in_24_hours, targets.imbalance, targets.oldest_detail) == (None, None, None)


def test_the_truth_by_hand_tells_its_events() -> None:
    truth = SmallTruth((1, fact(1)), (2, fact(1, offer(5))), (3, fact(1, offer(5), shown=False)))
    assert [event.kind for event in truth.events(hour(0), hour(3))] == [Kind.NEW, Kind.REPRICED]
    assert truth.facts(hour(2.5))[public(1)].offers == (offer(5),)


def test_a_state_between_two_changes_of_one_day_is_found() -> None:
    words = [fact(1, description=word) for word in ("one", "two", "three")]
    truth = SmallTruth((-500, words[0]), (2, words[1]), (6, words[2]))
    past = Past(truth, truth.events(hour(0), hour(48)), hour(0), hour(48))
    for at, word in ((1, "one"), (2, "one"), (3, "two"), (7, "three"), (30, "three"), (48, "three"), (-10, "one"), (-600, None)):
        found = past.fact(public(1), hour(at))
        assert (found and found.description) == word
    assert {one.description for one in past.ever(public(1), hour(5))} == {"one", "two"}
    assert past.fact(public(2), hour(5)) is None
