"""Sweeps in the database: parts, verdicts, what counts as a miss, and walks that were cut off."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Engine

from propspider.items import Division, ManifestPage, Operation, Part, PropertyType
from propspider.sync import arrivals, runs, sweeps
from propspider.sync.runs import SessionRef
from propspider.sync.sweeps import Interrupted
from propspider.sync.verdict import Bounds
from tests.builders import PORTAL, at, column, entry, item, listing, new_session, offer, one, page, rows, run, scalar

HOUSES = Part(property_type=PropertyType.HOUSE)
LOTS = Part(property_type=PropertyType.LOT)


def priced(low: int | None, high: int | None, **facts: Any) -> Part:
    return Part(price_from=low, price_to=high, currency="MXN", operation=Operation.SALE, **facts)


def record(engine: Engine, session: SessionRef, *pages: ManifestPage, pages_wanted: int = 0) -> None:
    with engine.begin() as connection:
        arrivals.record_pages(connection, session, pages, pages_wanted=pages_wanted)


def divide(
    engine: Engine, session: SessionRef, part: Part, *children: Part, ignored: str | None = None, minute: float = 0
) -> None:
    division = Division(PORTAL, "sale", part, children, at(minute), ignored)
    with engine.begin() as connection:
        sweeps.record_divisions(connection, session, [division], pages_wanted=0)


def judge(engine: Engine, session: SessionRef, *, blocked: bool = False, interrupted: str | None = None) -> list[str]:
    with engine.begin() as connection:
        judged = sweeps.judge_session(connection, session, Bounds(), blocked=blocked, interrupted=interrupted)
        runs.close_session(connection, session, outcome="completed", reason="finished")
    return [found.judged.verdict.value for found in judged]


def sweep(engine: Engine, *pages: ManifestPage, pages_wanted: int = 0, **how: Any) -> list[str]:
    """One whole session; verdicts in scope order."""
    session = new_session(engine)
    record(engine, session, *pages, pages_wanted=pages_wanted)
    return judge(engine, session, **how)


def missed(engine: Engine, number: int, scope: str = "sale") -> int:
    query = "SELECT missed FROM sighting_misses WHERE property_id = :id AND scope = :scope"
    found: int = scalar(engine, query, id=listing(number), scope=scope)
    return found


def test_a_verdict_is_stored_with_its_reasons(engine: Engine) -> None:
    assert sweep(engine, page(entry(1), entry(2), stated_total=2)) == ["complete"]
    assert sweep(engine, page(entry(1), stated_total=2, minute=1)) == ["partial"]
    full, short = rows(engine, "SELECT * FROM sweeps ORDER BY id")
    assert (full["reasons"], full["distinct_listings"], full["expected_listings"], full["covers_all"]) == ([], 2, None, True)
    assert (short["distinct_listings"], short["expected_listings"], short["covers_all"]) == (1, 2, False)
    assert short["reasons"] == ["1 of 2 stated listings were seen (50.0%)"]


def test_only_complete_sweeps_of_its_scope_count_as_misses(engine: Engine) -> None:
    sweep(engine, page(entry(1), entry(2)), page(entry(1), entry(3), scope="rent"))
    assert [missed(engine, 1), missed(engine, 2), missed(engine, 1, "rent")] == [0, 0, 0]
    sweep(engine, page(entry(2), minute=10, stated_total=5))  # partial
    sweep(engine, page(entry(2), minute=20), pages_wanted=10)
    sweep(engine, page(entry(2), minute=30), blocked=True)
    sweep(engine, page(entry(2), minute=40), interrupted="shutdown")
    sweep(engine, page(minute=50, cards=0, stated_total=0))
    sweep(engine, page(entry(3), minute=60, scope="rent"))
    assert column(engine, "SELECT verdict FROM sweeps WHERE scope = 'sale' ORDER BY id") == [
        "complete",
        *["partial"] * 2,
        "void",
        "partial",
        "void",
    ]
    assert [missed(engine, 1), missed(engine, 2), missed(engine, 1, "rent")] == [0, 0, 1]
    sweep(engine, page(entry(2), minute=70))
    sweep(engine, page(entry(2), minute=80))
    assert [missed(engine, 1), missed(engine, 2)] == [2, 0]


def test_a_detail_page_and_a_sitemap_start_the_count_anew(engine: Engine) -> None:
    from propspider.sync.promote import promote

    sweep(engine, page(entry(1), entry(2)))
    sweep(engine, page(entry(2), minute=10))
    assert missed(engine, 1) == 1
    with engine.begin() as connection:
        promote(connection, new_session(engine, "detail"), [item(1, minute=20)])
    assert missed(engine, 1) == 0
    sweep(engine, page(entry(2), minute=30))
    assert missed(engine, 1) == 1
    run(engine, "UPDATE property_state SET present_at = :at WHERE property_id = :id", at=at(40), id=listing(1))
    assert missed(engine, 1) == 0


def parted(engine: Engine, *seen: tuple[Part, Sequence[int]], minute: float = 0, **facts: dict[str, Any]) -> list[str]:
    """A sweep in parts, each with its listings; `facts` are those of the entries by number."""
    session = new_session(engine)
    total = sum(len(numbers) for _, numbers in seen)
    record(engine, session, page(stated_total=total, cards=0, minute=minute))
    divide(engine, session, Part(), *(part for part, _ in seen), minute=minute)
    for part, numbers in seen:
        entries = [entry(number, **facts.get(f"n{number}", {})) for number in numbers]
        record(engine, session, page(*entries, part=part, minute=minute))
    return judge(engine, session)


def test_parts_that_add_up_speak_for_the_whole_scope(engine: Engine) -> None:
    lot = {"property_type": PropertyType.LOT}
    assert parted(engine, (HOUSES, [1, 2]), (LOTS, [3]), n3=lot) == ["complete"]
    assert column(engine, "SELECT name FROM sweep_parts WHERE covered ORDER BY name") == ["", "house", "lot"]
    assert scalar(engine, "SELECT covers_all FROM sweeps")
    parted(engine, (HOUSES, [1]), (LOTS, [3]), minute=10, n3=lot)
    assert [missed(engine, 1), missed(engine, 2), missed(engine, 3)] == [0, 1, 0]


def test_outside_of_the_walked_predicates_nobody_is_missing(engine: Engine) -> None:
    cheap, dear = priced(None, 1000), priced(1001, None)
    facts: dict[str, dict[str, Any]] = {
        "n2": {"offers": (offer(500),)},
        "n3": {"offers": (offer(500, "USD"),)},
        "n4": {"offers": (offer(None),)},
        "n5": {"offers": (offer(5000, operation="rent"),)},
        "n6": {"offers": (offer(500), offer(80_000, "USD", "rent"))},
    }
    sweep(engine, page(*(entry(number, **facts.get(f"n{number}", {})) for number in range(1, 7))))
    run(engine, "UPDATE sweeps SET verdict = NULL")
    numbers = list(range(100, 220))
    session = new_session(engine)
    hundred = {f"n{number}": {"offers": (offer(900),)} for number in numbers}
    record(engine, session, page(stated_total=len(numbers) + 2, cards=0, minute=10))
    divide(engine, session, Part(), cheap, dear, minute=10)
    record(engine, session, page(*(entry(number, **hundred[f"n{number}"]) for number in numbers), part=cheap, minute=10))
    record(engine, session, page(part=dear, cards=0, stated_total=0, minute=10))
    assert judge(engine, session) == ["complete"]
    assert one(engine, "SELECT residual, covers_all FROM sweeps ORDER BY id DESC LIMIT 1") == {"residual": 2, "covers_all": False}
    found = {number: missed(engine, number) for number in range(1, 7)}
    assert found == {1: 1, 2: 1, 3: 0, 4: 0, 5: 0, 6: 1}


def test_a_place_is_known_from_the_part_in_which_a_listing_was_seen(engine: Engine) -> None:
    north, south = Part(place="norte"), Part(place="sur")
    parted(engine, (north, [1, 2]), (south, [3, 4]))
    assert {row["property_id"]: row["place"] for row in rows(engine, "SELECT property_id, place FROM manifest_sightings")} == {
        listing(1): "norte",
        listing(2): "norte",
        listing(3): "sur",
        listing(4): "sur",
    }
    session = new_session(engine)
    numbers = range(10, 110)
    record(engine, session, page(stated_total=102, cards=0, minute=10))
    divide(engine, session, Part(), north, south, minute=10)
    record(engine, session, page(*(entry(number) for number in numbers), part=north, minute=10))
    record(engine, session, page(entry(3), part=south, minute=10))
    assert judge(engine, session) == ["complete"]
    assert [missed(engine, number) for number in (1, 2, 3, 4)] == [1, 1, 0, 1]


def test_what_an_ignored_filter_divided_does_not_count(engine: Engine) -> None:
    session = new_session(engine)
    record(engine, session, page(stated_total=2, cards=0))
    divide(engine, session, Part(), HOUSES, LOTS)
    divide(engine, session, Part(), priced(None, 10), priced(11, None), ignored="type")
    divide(engine, session, priced(None, 10), priced(None, 5), priced(6, 10))
    assert column(engine, "SELECT name FROM sweep_parts ORDER BY id") == ["", "0-10", "11-", "0-5", "6-10"]
    alert = one(engine, "SELECT kind, subject, message FROM alerts")
    assert alert == {
        "kind": "filter_ignored",
        "subject": "sale/type",
        "message": "pincali ignores the type filter of scope sale",
    }
    divide(engine, session, Part(), ignored="price")
    assert rows(engine, "SELECT name, is_split FROM sweep_parts") == [{"name": "", "is_split": False}]


def test_a_void_sweep_and_a_drop_are_told_and_a_complete_one_takes_the_first_back(engine: Engine) -> None:
    numbers = range(1, 101)
    sweep(engine, page(*(entry(number) for number in numbers)))
    sweep(engine, page(*(entry(number) for number in list(numbers)[:40]), minute=10))
    assert column(engine, "SELECT kind FROM alerts WHERE resolved_at IS NULL") == ["sweep_void"]
    sweep(engine, page(*(entry(number) for number in list(numbers)[:90]), minute=20))
    assert rows(engine, "SELECT kind, message FROM alerts WHERE resolved_at IS NULL") == [
        {"kind": "count_drop", "message": "pincali/sale has 90 listings, 100 at the complete sweep before"}
    ]
    sweep(engine, page(*(entry(number) for number in list(numbers)[:88]), minute=30))
    assert rows(engine, "SELECT kind FROM alerts WHERE resolved_at IS NULL") == []


def cut_off(engine: Engine, *pages: ManifestPage, reason: str = "died", pages_wanted: int = 0) -> None:
    session = new_session(engine)
    record(engine, session, *pages, pages_wanted=pages_wanted)
    with engine.begin() as connection:
        if reason == "died":
            runs.bury(connection, [session.id])
        else:
            runs.close_session(connection, session, outcome="cancelled", reason=reason)
    run(engine, "UPDATE sweep_pages SET observed_at = now()")


def take_up(engine: Engine, pages_wanted: int = 0) -> tuple[SessionRef, Interrupted]:
    session = new_session(engine)
    with engine.begin() as connection:
        return session, sweeps.take_up(connection, session, ["sale"], pages_wanted=pages_wanted)


def test_a_walk_that_was_cut_off_is_taken_up_as_the_same_sweep(engine: Engine) -> None:
    cut_off(engine, page(entry(1), entry(2), stated_total=6, number=1), page(entry(3), entry(4), stated_total=6, number=2))
    assert one(engine, "SELECT status, verdict, reasons FROM sweeps") == {
        "status": "aborted",
        "verdict": "partial",
        "reasons": ["interrupted: died"],
    }
    session, found = take_up(engine)
    walked = found["sale"][""]
    assert {number: set(ids) for number, ids in walked.pages.items()} == {
        1: {listing(1), listing(2)},
        2: {listing(3), listing(4)},
    }
    assert (walked.first_total, walked.cards) == (6, 2)
    record(engine, session, page(entry(5), entry(6), stated_total=6, number=3, minute=5))
    assert judge(engine, session) == ["complete"]
    ended = one(engine, "SELECT * FROM sweeps")
    assert (ended["pages_fetched"], ended["distinct_listings"], ended["session_id"]) == (3, 6, session.id)
    assert ended["reasons"][0].startswith("taken up after session ")


def test_parts_are_taken_up_with_their_predicates(engine: Engine) -> None:
    session = new_session(engine)
    record(engine, session, page(stated_total=4, cards=0))
    cheap, dear = priced(None, 10, property_type=PropertyType.HOUSE), priced(11, None, property_type=PropertyType.HOUSE)
    divide(engine, session, Part(), HOUSES, LOTS)
    divide(engine, session, HOUSES, cheap, dear)
    record(engine, session, page(entry(1), part=cheap))
    with engine.begin() as connection:
        runs.bury(connection, [session.id])
    run(engine, "UPDATE sweep_pages SET observed_at = now()")
    _, found = take_up(engine)
    parts = found["sale"]
    assert {name: (walked.part, walked.parent, walked.is_split) for name, walked in parts.items()} == {
        "": (Part(), None, True),
        "house": (HOUSES, "", True),
        "lot": (LOTS, "", False),
        cheap.name: (cheap, "house", False),
        dear.name: (dear, "house", False),
    }
    assert {name: sorted(walked.pages) for name, walked in parts.items() if walked.pages} == {"": [1], cheap.name: [1]}


@pytest.mark.parametrize(
    ("reason", "pages_wanted", "age", "taken"),
    [
        ("shutdown", 0, "1 minute", True),
        ("died", 0, "29 minutes", True),
        ("died", 0, "31 minutes", False),
        ("died", 10, "1 minute", False),
        ("blocked", 0, "1 minute", False),
    ],
)
def test_which_walks_are_taken_up(engine: Engine, reason: str, pages_wanted: int, age: str, taken: bool) -> None:
    cut_off(engine, page(entry(1), stated_total=9), reason=reason, pages_wanted=pages_wanted)
    run(engine, "UPDATE sweep_pages SET observed_at = now() - CAST(:age AS interval)", age=age)
    _, found = take_up(engine)
    assert bool(found) is taken
    assert scalar(engine, "SELECT status FROM sweeps") == ("running" if taken else "aborted")


def test_a_walk_that_was_followed_by_another_stays_ended(engine: Engine) -> None:
    cut_off(engine, page(entry(1), stated_total=9))
    sweep(engine, page(entry(1)))
    _, found = take_up(engine)
    assert not found
