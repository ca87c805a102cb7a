"""What a walk proves, and what it does not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from propspider.sync.verdict import Bounds, Judged, PartFacts, SweepFacts, Verdict, judge

BOUNDS = Bounds()


def walked(**facts: Any) -> SweepFacts:
    """A clean sweep of 1,000 listings on 24 a page; a test names what is wrong with it."""
    total = facts.pop("total", 1000)
    last = facts.pop("last_total", total)
    known: dict[str, Any] = {
        "pages_wanted": 0,
        "pages_fetched": 42,
        "pages_failed": 0,
        "cards": 1000,
        "entries": 1000,
        "distinct": 1000,
        "expected": 1000,
    } | facts
    known.setdefault("parts", [PartFacts(name="", first_total=total, last_total=last, distinct=known["distinct"], cards=1000)])
    return SweepFacts(**known)


def judged(**facts: Any) -> Judged:
    return judge(walked(**facts), BOUNDS)


def test_a_clean_sweep_is_complete_and_covers_its_scope() -> None:
    found = judged()
    assert (found.verdict, found.reasons, found.residual) == (Verdict.COMPLETE, (), 0)
    assert found.covers_all
    assert found.covered == {""}


@pytest.mark.parametrize(
    ("facts", "verdict", "reason"),
    [
        ({"blocked": True}, Verdict.VOID, "the portal blocked the crawl"),
        ({"cards": 0, "entries": 0, "distinct": 0}, Verdict.VOID, "no cards"),
        ({"distinct": 499}, Verdict.VOID, "499 listings are 50% of the 1,000 of the complete sweep before"),
        ({"distinct": 400, "total": 400, "entries": 400, "cards": 400}, Verdict.VOID, "400 listings are 40% of the 1,000"),
        ({"distinct": 979}, Verdict.PARTIAL, "979 of 1,000 stated listings were seen (97.9%)"),
        ({"pages_wanted": 100}, Verdict.PARTIAL, "only the first 100 pages were wanted"),
        ({"pages_wanted": 10, "distinct": 240}, Verdict.PARTIAL, "only the first 10 pages were wanted"),
        ({"pages_failed": 1}, Verdict.PARTIAL, "1 of 43 pages failed"),
        ({"entries": 989}, Verdict.PARTIAL, "989 of 1,000 cards could be read"),
        ({"interrupted": "shutdown"}, Verdict.PARTIAL, "interrupted: shutdown"),
        ({"total": None}, Verdict.PARTIAL, "the portal states no total"),
    ],
)
def test_a_sweep_with_a_fault_counts_no_misses(facts: dict[str, Any], verdict: Verdict, reason: str) -> None:
    found = judged(**facts)
    assert found.verdict is verdict
    assert any(reason in said for said in found.reasons)
    assert not found.covers_all
    assert found.covered == frozenset()


def test_the_smaller_of_the_first_and_the_last_total_counts() -> None:
    assert judged(distinct=985, last_total=1000, total=1030).verdict is Verdict.COMPLETE
    assert judged(distinct=985, last_total=1030, total=1000).verdict is Verdict.COMPLETE
    assert judged(distinct=979, last_total=1030, total=1000).verdict is Verdict.PARTIAL


def test_a_cap_is_partial_however_little_was_seen() -> None:
    part = PartFacts(name="", first_total=10_000, last_total=10_000, distinct=2400, cards=2400, cap_hit=True)
    found = judged(distinct=2400, expected=10_000, parts=[part])
    assert found.verdict is Verdict.PARTIAL
    assert "the portal shows no more pages of the scope" in found.reasons


def test_a_first_sweep_has_nothing_to_be_compared_with() -> None:
    assert judged(expected=None).verdict is Verdict.COMPLETE


def part(name: str, total: int, seen: int | None = None, *, parent: str | None = "", **facts: Any) -> PartFacts:
    return PartFacts(
        name=name,
        parent=parent,
        first_total=total,
        last_total=total,
        distinct=total if seen is None else seen,
        cards=total,
        **facts,
    )


def split(*children: PartFacts, total: int = 1000) -> list[PartFacts]:
    return [part("", total, 24, parent=None, is_split=True), *children]


def test_parts_that_add_up_cover_the_scope() -> None:
    parts = split(part("house", 600), part("lot", 400))
    found = judge(walked(parts=parts), BOUNDS)
    assert (found.verdict, found.covers_all, found.residual) == (Verdict.COMPLETE, True, 0)
    assert found.covered == {"", "house", "lot"}


def test_listings_that_stand_in_no_part_are_stated_and_their_scope_is_not_covered() -> None:
    cheap, dear = part("house/0-900", 290, parent="house"), part("house/901-", 295, parent="house")
    parts = split(part("house", 600, 24, is_split=True), part("lot", 400), cheap, dear)
    found = judge(walked(parts=parts, distinct=985), BOUNDS)
    assert (found.verdict, found.covers_all, found.residual) == (Verdict.COMPLETE, False, 15)
    assert found.reasons == ("15 of 1,000 listings stand in no part",)
    assert found.covered == {"lot", "house/0-900", "house/901-"}
    found = judge(walked(parts=parts, distinct=970), BOUNDS)
    assert found.verdict is Verdict.PARTIAL
    assert "15 stand in no part" in found.reasons[0]


def test_an_ignored_filter_is_partial() -> None:
    parts = split(part("house", 600, mismatched=300), part("lot", 400))
    found = judge(walked(parts=parts), BOUNDS)
    assert found.verdict is Verdict.PARTIAL
    assert found.reasons == ("the portal ignored the filter of house",)


def test_a_part_without_listings_is_covered() -> None:
    assert judge(walked(parts=split(part("house", 1000), part("lot", 0))), BOUNDS).covers_all


counts = st.integers(0, 2000)


@given(
    st.builds(
        SweepFacts,
        pages_wanted=st.sampled_from([0, 0, 10, 100]),
        pages_fetched=st.integers(0, 100),
        pages_failed=st.integers(0, 20),
        cards=counts,
        entries=counts,
        distinct=counts,
        expected=st.none() | counts,
        parts=st.lists(
            st.builds(
                PartFacts,
                name=st.sampled_from(["house", "lot"]),
                parent=st.just(""),
                first_total=st.none() | counts,
                distinct=counts,
                cards=counts,
                mismatched=st.integers(0, 50),
                cap_hit=st.booleans(),
            ),
            max_size=2,
            unique_by=lambda one: one.name,
        ).map(lambda children: split(*children) if children else [part("", 1000, parent=None)]),
        blocked=st.booleans(),
        interrupted=st.none() | st.just("died"),
    )
)
def test_nothing_is_covered_unless_the_sweep_is_complete_and_nothing_spoke_against_it(facts: SweepFacts) -> None:
    found = judge(facts, BOUNDS)
    if found.verdict is not Verdict.COMPLETE:
        assert (found.covered, found.covers_all) == (frozenset(), False)
        assert found.reasons
        return
    assert not facts.blocked
    assert facts.interrupted is None
    assert facts.pages_wanted == 0
    assert facts.cards
    assert not any(one.cap_hit for one in facts.parts)
    total = facts.parts[0].total
    assert total is not None
    assert facts.distinct >= 0.98 * total
    assert facts.pages_failed <= 0.005 * (facts.pages_fetched + facts.pages_failed)
    assert facts.entries >= 0.99 * facts.cards
    assert not facts.expected or facts.distinct >= facts.expected / 2
