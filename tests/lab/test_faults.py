"""Faults as they are written, and which requests they hit."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from propspider.lab.faults import FAULTS, PATIENCE, Fault, FaultError, is_hit, kind_of, uniform
from propspider.settings import DOWNLOAD_TIMEOUT

from .faulty import RENT, SALE, WORLD, Faulty, faulty_portal, path_of

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "laboratory.md"
DETAILS = [path_of(listing) for listing in WORLD.listings]


@pytest.fixture
def portal() -> Iterator[Faulty]:
    with faulty_portal() as portal:
        yield portal


# --- as they are written ---


def test_a_fault_is_read_from_one_line() -> None:
    fault = Fault.parse("wall_404:0.3@3..5,page=challenge,on=listing+detail,by=path")
    assert (fault.name, fault.rate, fault.onset, fault.end) == ("wall_404", 0.3, 3.0, 5.0)
    assert (fault.kinds, fault.by, fault.values) == (("listing", "detail"), "path", {"page": "challenge"})


@pytest.mark.parametrize(
    ("text", "rate", "onset", "end"),
    [
        ("reset", 1.0, None, None),
        ("reset:0", 0.0, None, None),
        ("reset@2..", 1.0, 2.0, None),
        ("reset@..2.5", 1.0, None, 2.5),
        ("reset:0.25@-1..0.5", 0.25, -1.0, 0.5),
    ],
)
def test_what_is_not_written_is_without_bound(text: str, rate: float, onset: float | None, end: float | None) -> None:
    fault = Fault.parse(text)
    assert (fault.rate, fault.onset, fault.end) == (rate, onset, end)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("wal_404:0.3", "no fault 'wal_404'; close to it: wall_404"),
        ("", "no fault ''; there are: refused, reset, "),
        ("zz\nzz@x", r"no fault 'zz\nzz'; there are: "),
        ("reset:-0.1", "reset: the rate is from 0 to 1, not -0.1"),
        ("reset:1.01", "reset: the rate is from 0 to 1, not 1.01"),
        ("reset:nan", "reset: rate is a number, not 'nan'"),
        ("reset:", "reset: rate is a number, not ''"),
        ("reset@5..3", "reset: ends on day 3 and begins on day 5"),
        ("reset@3..3", "reset: ends on day 3 and begins on day 3"),
        ("reset@3", "reset: a window is written onset..end, in days, not '3'"),
        ("reset@3..x", "reset: end is a number, not 'x'"),
        ("reset@inf..", "reset: onset is a number, not 'inf'"),
        ("reset,share=2", "reset: no option 'share'; there are: on, by"),
        ("lost_cards,share", "lost_cards: 'share' is no option"),
        ("lost_cards,share=0.1,share=0.2", "lost_cards: 'share=0.2' is no option"),
        ("lost_cards,share=1.5", "lost_cards: share is a number from 0.001 to 1, not '1.5'"),
        ("lost_cards,share=nan", "lost_cards: share is a number from 0.001 to 1, not 'nan'"),
        ("slow_body,seconds=inf", "slow_body: seconds is a number from 0, not 'inf'"),
        ("soft_404,says=x", "soft_404: says is one of nothing, gone, not 'x'"),
        ("lost_cards,on=detail", "lost_cards: on is of listing, not 'detail'"),
        ("soft_404,on=", "soft_404: 'on=' is no option"),
        ("soft_404,by=day", "soft_404: by is one of request, path, not 'day'"),
    ],
)
def test_what_is_no_fault_is_told_in_one_line(text: str, told: str) -> None:
    with pytest.raises(FaultError) as caught:
        Fault.parse(text)
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ValueError)


@given(
    name=st.sampled_from(sorted(FAULTS)),
    rate=st.floats(0, 1),
    days=st.lists(st.none() | st.floats(-1000, 1000), min_size=2, max_size=2),
    by=st.sampled_from(["request", "path"]),
)
def test_a_fault_reads_as_it_is_written(name: str, rate: float, days: list[float | None], by: str) -> None:
    onset, end = days
    if onset is not None and end is not None and onset >= end:
        onset = None
    fault = Fault(name=name, rate=rate, onset=onset, end=end, options={"by": by})
    assert Fault.parse(str(fault)) == fault


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_has_a_scenario_of_two_days_and_is_documented(name: str) -> None:
    fault = Fault.parse(FAULTS[name].scenario)
    assert (fault.name, fault.onset, fault.end) == (name, 3.0, 5.0)
    assert fault.rate > 0
    (row,) = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{name}` |")]
    assert f"| `{FAULTS[name].scenario}` |" in row
    assert all(f"`{option}`" in row for option in FAULTS[name].options)


def test_a_timeout_is_as_long_as_the_crawler_waits() -> None:
    assert PATIENCE == DOWNLOAD_TIMEOUT


# --- which requests are hit ---


@given(rate=st.floats(0, 1), seed=st.integers(), path=st.text(max_size=30))
def test_the_rate_is_kept_over_many_requests_and_the_choice_is_repeatable(rate: float, seed: int, path: str) -> None:
    fault = Fault(name="reset", rate=rate)
    hits = [is_hit(fault, seed, method="GET", path=path, time=time) for time in range(400)]
    assert abs(sum(hits) / 400 - fault.rate) <= 0.15  # six standard deviations at the most
    assert hits == [is_hit(fault, seed, method="GET", path=path, time=time) for time in range(400)]


@given(seed=st.integers(), path=st.text(max_size=30), lower=st.floats(0, 1), higher=st.floats(0, 1))
def test_a_higher_rate_hits_what_a_lower_one_does(seed: int, path: str, lower: float, higher: float) -> None:
    one, other = sorted((lower, higher))
    less, more = (Fault(name="reset", rate=rate) for rate in (one, other))
    assert is_hit(less, seed, method="GET", path=path, time=1) <= is_hit(more, seed, method="GET", path=path, time=1)


@given(seed=st.integers(), parts=st.lists(st.text(), max_size=3))
def test_a_rate_of_0_never_hits_and_one_of_1_always_does(seed: int, parts: list[str]) -> None:
    assert 0 <= uniform(seed, *parts) < 1


@given(day=st.floats(-100, 100), onset=st.none() | st.floats(-50, 0), end=st.none() | st.floats(0.5, 50))
def test_a_window_begins_at_its_onset_and_is_over_at_its_end(day: float, onset: float | None, end: float | None) -> None:
    fault = Fault(name="reset", onset=onset, end=end)
    assert fault.is_on(day) == ((onset is None or day >= onset) and (end is None or day < end))
    assert onset is None or fault.is_on(onset)
    assert end is None or not fault.is_on(end)


@pytest.mark.parametrize("seed", range(20))
def test_by_path_a_path_is_hit_every_time_and_by_any_method(seed: int) -> None:
    fault = Fault.parse("wall_404:0.5,by=path")
    asked = {
        path: {is_hit(fault, seed, method=method, path=path, time=time) for method in ("GET", "HEAD") for time in range(5)}
        for path in DETAILS
    }
    assert all(len(answers) == 1 for answers in asked.values())
    assert {answer for answers in asked.values() for answer in answers} == {True, False}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (SALE, "listing"),
        ("/inmuebles/propiedades-en-venta", "listing"),
        (DETAILS[0], "detail"),
        ("/inmueble/casa", "detail"),
        ("/sitemap.xml", "sitemap"),
        ("/sitemaps/properties-1.xml.gz", "sitemap"),
        ("/robots.txt", "robots"),
        ("/en", "other"),
        ("/en/account/authentication/new", "other"),
    ],
)
def test_the_kind_of_a_request(path: str, kind: str) -> None:
    assert kind_of(path) == kind


def statuses(portal: Faulty, paths: list[str], *, times: int = 1) -> list[int]:
    return [portal.ask(path).status for _ in range(times) for path in paths]


def test_a_fault_is_on_in_its_window_only(portal: Faulty) -> None:
    portal.set("status_503@3..5")
    seen = {}
    for portal.day in (-1, 2.999, 3, 4.999, 5, 6):
        seen[portal.day] = portal.ask(SALE).status
    assert seen == {-1: 200, 2.999: 200, 3: 503, 4.999: 503, 5: 200, 6: 200}


def test_a_second_try_has_its_own_chance(portal: Faulty) -> None:
    portal.set("status_503:0.5")
    first, second, third = (statuses(portal, DETAILS) for _ in range(3))
    assert 15 <= first.count(503) <= 45
    healed = [path for path, *answers in zip(DETAILS, first, second, third, strict=True) if answers[0] == 503 and 200 in answers]
    assert len(healed) > first.count(503) / 2


def test_the_same_requests_have_the_same_answers_in_any_order() -> None:
    def answers(paths: list[str]) -> dict[str, list[int]]:
        with faulty_portal() as portal:
            portal.set("status_503:0.4")
            return {path: [portal.ask(path).status for _ in range(2)] for path in paths}

    assert answers(DETAILS[:20]) == answers(DETAILS[19::-1])


def test_requests_of_other_kinds_and_methods_are_left_alone(portal: Faulty) -> None:
    portal.set("wall_404,on=detail", "lost_cards,share=1")
    assert portal.ask(DETAILS[0]).status == 404
    assert portal.ask(RENT, method="HEAD").status == 200
    assert portal.ask("/sitemap.xml").status == 200
    assert portal.marks == ["wall_404", None, None]


def test_a_request_is_marked_with_what_changed_its_answer(portal: Faulty) -> None:
    portal.set("shrinking_total", "lost_cards,share=0.5", "status_503,on=detail")
    portal.ask(f"{SALE}?page=2")
    portal.ask(SALE)  # the first page's total stands
    portal.ask(DETAILS[0])
    portal.ask("/robots.txt")
    assert portal.marks == ["lost_cards+shrinking_total", "lost_cards", "status_503", None]
    assert portal.faults.applied == {"lost_cards": 2, "shrinking_total": 1, "status_503": 1}


def test_of_several_the_first_answers(portal: Faulty) -> None:
    portal.set("status_503", "wall_404")
    assert portal.ask(SALE).status == 503
    portal.set("wall_404", "status_503")
    assert portal.ask(SALE).status == 404
    portal.set()
    assert portal.ask(SALE).status == 200
    assert portal.marks == ["status_503", "wall_404", None]
