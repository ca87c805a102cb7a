"""Which listings are one property, of edges, vetoes and what persons say: rules that hold whatever is given."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from propspider.quality.duplicates.grouping import SAID, Edge, Pair, contradiction, group, parts

NAMES = st.sampled_from("abcdefgh")
PAIRS = st.tuples(NAMES, NAMES).filter(lambda pair: pair[0] != pair[1]).map(lambda pair: (min(pair), max(pair)))
EDGES = st.dictionaries(PAIRS, st.sampled_from([6.0, 7.5, 9.0, SAID]), max_size=20).map(
    lambda scores: [Edge(first, second, score) for (first, second), score in scores.items()]
)


def edges(*pairs: str, score: float = 6.0) -> list[Edge]:
    return [Edge(pair[0], pair[1], score) for pair in pairs]


def inside(groups: list[frozenset[str]]) -> set[Pair]:
    return {pair for members in groups for pair in combinations(sorted(members), 2)}


def test_a_chain_is_one_group() -> None:
    assert group(edges("ab", "bc"), (), ()) == [frozenset("abc")]


def test_a_chain_whose_ends_contradict_each_other_is_cut_at_its_weaker_link() -> None:
    chain = [Edge("a", "b", 6.0), Edge("b", "c", 9.0)]
    assert group(chain, (), {("a", "c")}) == [frozenset("bc")]
    assert group(chain, {("a", "c")}, ()) == [frozenset("bc")]


def test_what_a_person_put_together_outweighs_a_veto_and_what_was_found() -> None:
    chain = [Edge("a", "b", SAID), Edge("b", "c", 9.0)]
    assert group(chain, (), {("a", "b")}) == [frozenset("abc")]
    assert group(chain, (), {("a", "c")}) == [frozenset("ab")]


def test_what_persons_joined_over_a_third_listing_stays_one_although_the_rules_veto_it() -> None:
    assert group(edges("ab", "bc", score=SAID), (), {("a", "c")}) == [frozenset("abc")]


@given(EDGES, st.sets(PAIRS), st.sets(PAIRS), st.randoms())
def test_no_group_holds_a_pair_that_is_apart_or_vetoed_and_no_join_that_is_free_is_left_out(
    found: list[Edge], apart: set[Pair], vetoed: set[Pair], order: object
) -> None:
    said = [edge for edge in found if edge.score == SAID]
    by_persons = inside(group(said, apart, ()))
    groups = group(found, apart, vetoed)
    assert apart & inside(groups) == set()
    assert vetoed & inside(groups) <= by_persons
    assert by_persons <= inside(groups)
    of = {member: members for members in groups for member in members}
    for edge in found:
        one, other = of.get(edge.first, frozenset(edge.first)), of.get(edge.second, frozenset(edge.second))
        if one is not other:
            between = {(min(a, b), max(a, b)) for a in one for b in other}
            assert between & (apart | vetoed)
    shuffled = list(found)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert group(shuffled, apart, vetoed) == groups


@given(EDGES, st.sets(PAIRS), st.sets(PAIRS))
def test_parts_are_grouped_as_the_whole_is(found: list[Edge], apart: set[Pair], vetoed: set[Pair]) -> None:
    apiece = [members for part in parts(found) for members in group(part.edges, apart, vetoed)]
    assert sorted(apiece, key=min) == group(found, apart, vetoed)


@given(EDGES, st.integers(2, 8))
def test_a_part_is_no_larger_than_allowed_but_for_what_persons_said(found: list[Edge], largest: int) -> None:
    for part in parts(found, largest=largest):
        assert {edge.first for edge in part.edges} | {edge.second for edge in part.edges} == part.members
        assert len(part.members) <= largest or all(edge.score == SAID for edge in part.edges)


def test_too_large_a_part_is_cut_where_its_evidence_is_weakest() -> None:
    chain = [Edge("a", "b", 9.0), Edge("b", "c", 6.0), Edge("c", "d", 8.0)]
    assert [part.members for part in parts(chain, largest=3)] == [frozenset("ab"), frozenset("cd")]
    assert [part.members for part in parts(chain, largest=4)] == [frozenset("abcd")]


@pytest.mark.parametrize(
    ("together", "apart", "found"),
    [
        ([("a", "b"), ("b", "c")], [("a", "c")], ("a", "c")),
        ([("a", "b"), ("c", "d")], [("a", "c")], None),
        ([], [("a", "c")], None),
    ],
)
def test_a_contradiction_of_persons_is_found_over_any_chain(together: list[Pair], apart: list[Pair], found: Pair | None) -> None:
    assert contradiction(together, apart) == found
