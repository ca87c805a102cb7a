"""What persons say of listings, and taking it back."""

import pytest
from sqlalchemy import Engine

from propspider.quality.duplicates import decisions
from propspider.quality.duplicates.decisions import Refused
from propspider.quality.duplicates.explain import explain
from propspider.quality.duplicates.queue import waiting
from propspider.quality.duplicates.refresh import rebuild
from tests.builders import column, rows

from .listings import arrive, grouped, house, state

A, B, C, D = (f"pincali:EB-AA000{number}" for number in range(1, 5))


def merge(engine: Engine, *property_ids: str) -> decisions.Decided:
    with engine.begin() as connection:
        return decisions.merge(connection, property_ids, by="ana")


def split(engine: Engine, *property_ids: str) -> decisions.Decided:
    with engine.begin() as connection:
        return decisions.split(connection, property_ids, by="ana")


def undo(engine: Engine, action: int) -> None:
    with engine.begin() as connection:
        decisions.undo(connection, action)


def counting(engine: Engine) -> list[tuple[object, ...]]:
    query = """SELECT property_a, property_b, verdict FROM duplicate_decisions
               WHERE undone_at IS NULL AND replaced_by IS NULL ORDER BY 1, 2"""
    return [tuple(row.values()) for row in rows(engine, query)]


@pytest.fixture
def pairs(engine: Engine) -> None:
    """A and B are one house, C and D another."""
    arrive(engine, house(A, seen=1), house(B, seen=2))
    other = {"total_area_m2": 95, "address": "Calle Mina 4, Col. Roma", "bedrooms": 4, "latitude": 19.07}
    arrive(engine, house(C, 900_000, seen=3, **other), house(D, 900_000, seen=4, **other))
    assert grouped(engine) == {A: [A, B], C: [C, D]}


@pytest.mark.usefixtures("pairs")
def test_a_merge_joins_groups_and_its_undo_restores_them_exactly(engine: Engine) -> None:
    before = state(engine)
    decided = merge(engine, B, C)
    assert (decided.pairs[0], decided.pairs[-1], decided.groups.joined) == ((A, B), (C, D), (C, D))
    assert grouped(engine) == {A: [A, B, C, D]}
    rebuild(engine)
    arrive(engine, house(A, 2_510_000, seen=1))
    assert grouped(engine) == {A: [A, B, C, D]}
    arrive(engine, house(A, seen=1))
    undo(engine, decided.action)
    assert state(engine) == before


@pytest.mark.usefixtures("pairs")
def test_a_split_is_respected_by_what_runs_by_itself_and_its_undo_restores_the_group(engine: Engine) -> None:
    before = state(engine)
    decided = split(engine, B)
    assert (decided.groups.left, grouped(engine)) == ((A, B), {C: [C, D]})
    rebuild(engine)
    arrive(engine, house(B, 2_500_500, seen=2))
    assert grouped(engine) == {C: [C, D]}
    with engine.connect() as connection:
        assert waiting(connection) == []
    arrive(engine, house(B, seen=2))
    undo(engine, decided.action)
    assert state(engine) == before


def test_those_that_leave_together_stay_together(engine: Engine) -> None:
    arrive(engine, *(house(one, seen=number) for number, one in enumerate((A, B, C, D))))
    split(engine, C, D)
    assert grouped(engine) == {A: [A, B], C: [C, D]}


@pytest.mark.usefixtures("pairs")
def test_an_overruled_veto_is_named(engine: Engine) -> None:
    odd = "pincali:EB-AA0005"
    arrive(engine, house(odd, bedrooms=6, seen=9))
    decided = merge(engine, A, odd)
    assert decided.overruled == {(A, odd): ("rooms",), (B, odd): ("rooms",)}
    assert grouped(engine)[A] == [A, B, odd]


@pytest.mark.usefixtures("pairs")
def test_the_last_word_about_a_pair_counts_until_it_is_undone(engine: Engine) -> None:
    first, second = split(engine, B).action, merge(engine, A, B).action
    assert counting(engine) == [(A, B, "together")]
    third = split(engine, A).action
    assert counting(engine) == [(A, B, "apart")]
    undo(engine, second)
    assert counting(engine) == [(A, B, "apart")]
    undo(engine, third)
    assert counting(engine) == [(A, B, "apart")]
    assert column(engine, "SELECT action FROM duplicate_decisions WHERE undone_at IS NULL AND replaced_by IS NULL") == [first]
    undo(engine, first)
    assert counting(engine) == []
    assert grouped(engine)[A] == [A, B]


@pytest.mark.usefixtures("pairs")
def test_a_merge_that_contradicts_a_split_is_refused_and_nothing_is_half_done(engine: Engine) -> None:
    split(engine, B)
    merge(engine, A, C)
    before = counting(engine), state(engine)
    with pytest.raises(Refused, match=f"{A} and {B} were said to be two properties"):
        merge(engine, B, C)
    assert (counting(engine), state(engine)) == before


@pytest.mark.usefixtures("pairs")
def test_what_cannot_be_done_is_refused(engine: Engine) -> None:
    action = split(engine, B).action
    undo(engine, action)
    for call, said in (
        (lambda: undo(engine, action), "undone before"),
        (lambda: undo(engine, 99), "no action 99"),
        (lambda: merge(engine, A), "two listings"),
        (lambda: merge(engine, A, A), "two listings"),
        (lambda: merge(engine, A, "pincali:none"), "no such listing: pincali:none"),
        (lambda: split(engine, "pincali:none"), "no such listing"),
        (lambda: split(engine, A, B), "whole group"),
    ):
        with pytest.raises(Refused, match=said):
            call()
    arrive(engine, house("pincali:5", 77_000))
    with pytest.raises(Refused, match="in no group"):
        split(engine, "pincali:5")


@pytest.mark.usefixtures("pairs")
def test_explain_tells_what_was_said_and_what_became_of_it(engine: Engine) -> None:
    first = split(engine, B).action
    merge(engine, A, B)
    with engine.connect() as connection:
        told = explain(connection, B)
        assert explain(connection, "pincali:none") is None
    assert told is not None
    assert [(said.verdict, said.decided_by, said.replaced_by) for said in told.said] == [
        ("together", "ana", None),
        ("apart", "ana", first + 1),
    ]
    assert [(found.first, found.second, found.is_inside) for found in told.found] == [(A, B, True)]
