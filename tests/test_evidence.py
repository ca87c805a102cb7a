"""What evidence weighs, and when a batch may be judged. Pure rules."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from propspider.evidence import (
    GONE_LIKE,
    NOTHING_THERE,
    SURE,
    Control,
    Finding,
    Look,
    VerificationBatch,
    VerificationItem,
    Weighed,
    decide,
    weight,
)
from propspider.items import Claim

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CLAIM = Claim(1, 1, "pincali:EB-AA0001")
Place = Literal["opening", "closing"]


def look(finding: Finding, method: Literal["HEAD", "GET"] = "GET") -> Look:
    return Look(method, finding, "https://www.pincali.com/en/home/x", NOW)


def controls(opening: list[Finding], closing: list[Finding], dead: Finding = Finding.GONE) -> tuple[Control, ...]:
    made: list[Control] = []
    sides: list[tuple[Place, list[Finding]]] = [("opening", opening), ("closing", closing)]
    for place, alive in sides:
        made += [Control(place, look(one), "pincali:EB-AA0009") for one in alive]
        made.append(Control(place, look(dead)))
    return tuple(made)


def faults(around: tuple[Control, ...], *findings: Finding) -> tuple[str, ...]:
    items = tuple(VerificationItem(CLAIM, (look(one),)) for one in findings)
    return VerificationBatch("pincali", items, around).faults


ALIVE = [Finding.ALIVE, Finding.ALIVE]


def test_a_batch_between_good_controls_is_valid() -> None:
    assert faults(controls(ALIVE, ALIVE), *GONE_LIKE, Finding.SERVER_ERROR) == ()
    assert faults(controls([Finding.ALIVE], [Finding.ALIVE])) == ()


def test_one_control_may_have_gone_since_it_was_seen() -> None:
    assert faults(controls([Finding.ALIVE, Finding.GONE], ALIVE)) == ()
    assert faults(controls([Finding.ALIVE, Finding.GONE], [Finding.GONE, Finding.ALIVE])) != ()
    assert faults(controls([Finding.GONE], ALIVE)) != ()


@pytest.mark.parametrize("finding", sorted(set(Finding) - NOTHING_THERE))
def test_what_never_existed_must_not_be_there(finding: Finding) -> None:
    assert faults(controls(ALIVE, ALIVE, dead=finding)) != ()


@pytest.mark.parametrize("finding", sorted(NOTHING_THERE))
def test_portals_may_say_so_in_their_own_way(finding: Finding) -> None:
    assert faults(controls(ALIVE, ALIVE, dead=finding)) == ()


@pytest.mark.parametrize("finding", [Finding.NO_RESPONSE, Finding.SERVER_ERROR, Finding.BLOCKED])
def test_every_control_must_answer(finding: Finding) -> None:
    assert faults(controls([Finding.ALIVE, finding], ALIVE)) != ()
    assert faults(controls(ALIVE, [Finding.ALIVE, finding])) != ()


def test_a_batch_without_closing_controls_is_void() -> None:
    assert faults(controls(ALIVE, ALIVE)[:3]) != ()
    assert faults(()) != ()


def test_a_refusal_in_between_voids_the_batch() -> None:
    assert faults(controls(ALIVE, ALIVE), Finding.GONE, Finding.BLOCKED) == ("blocked at pincali:EB-AA0001",)


@given(st.sampled_from(Finding), st.sampled_from(["HEAD", "GET"]))
def test_only_a_get_that_finds_it_gone_weighs(finding: Finding, method: Literal["HEAD", "GET"]) -> None:
    assert (weight(method, finding) > 0) == (method == "GET" and finding in GONE_LIKE)


@pytest.mark.parametrize(
    ("weighed", "outcome"),
    [
        (Weighed(), None),
        (Weighed(sweeps=Decimal(5)), None),
        (Weighed(Decimal("0.5"), Decimal(1), Finding.GONE), "confirmed_removed"),
        (Weighed(Decimal("0.5"), Decimal(1), Finding.GONE_PAGE), "confirmed_removed"),
        (Weighed(Decimal("0.5"), Decimal(1), Finding.SOLD), "sold"),
        (Weighed(Decimal("0.5"), Decimal(1), Finding.WITHDRAWN), "withdrawn"),
        (Weighed(Decimal("0.25"), Decimal(1), Finding.GONE), None),
        (Weighed(Decimal(0), Decimal(2), Finding.GONE), "confirmed_removed"),
        (Weighed(Decimal("0.5"), Decimal("0.5"), None, 1), None),
        (Weighed(Decimal("0.5"), Decimal(1), None, 2, timedelta(hours=1)), None),
        (Weighed(Decimal("0.5"), Decimal(1), None, 2, timedelta(hours=20)), "confirmed_removed"),
        (Weighed(Decimal("0.5"), Decimal(1), None, 1, timedelta(hours=20)), None),
    ],
)
def test_what_is_enough(weighed: Weighed, outcome: str | None) -> None:
    assert decide(weighed) == outcome


@given(
    st.decimals(0, 10, places=2),
    st.decimals(0, 10, places=2),
    st.sampled_from([None, *sorted(SURE)]),
    st.integers(0, 9),
    st.integers(0, 99),
)
def test_sweeps_alone_remove_nothing(sweeps: Decimal, looks: Decimal, sure: Finding | None, batches: int, hours: int) -> None:
    outcome = decide(Weighed(sweeps, looks, sure, batches, timedelta(hours=hours)))
    if outcome is not None:
        assert looks >= 1
        assert sure is not None or batches >= 2


def test_a_get_decides_where_head_and_get_disagree() -> None:
    item = VerificationItem(CLAIM, (look(Finding.GONE, "HEAD"), look(Finding.ALIVE)))
    assert item.finding is Finding.ALIVE
    assert VerificationItem(CLAIM).finding is None
