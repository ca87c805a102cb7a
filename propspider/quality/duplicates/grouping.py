"""Which listings are one property, from what was found, what contradicts itself and what persons said. Pure; the order of what is
given changes nothing.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

Pair = tuple[str, str]
"""The smaller id first, by code points: SQL writes COLLATE "C"."""

LARGEST = 300
"""Listings of a part. No property is listed so often: what hangs together beyond is cut where its evidence is weakest."""

SAID = math.inf
"""The score of two listings that a person put together."""


@dataclass(frozen=True, order=True)
class Edge:
    first: str
    second: str
    score: float

    @property
    def pair(self) -> Pair:
        return self.first, self.second


@dataclass(frozen=True)
class Part:
    """What hangs together: nothing of one part can come into a group with anything of another."""

    members: frozenset[str]
    edges: tuple[Edge, ...]

    @property
    def is_simple(self) -> bool:
        """Two listings that were compared already."""
        return len(self.members) == 2


class Contradiction(ValueError):
    """Persons put listings together of which they say elsewhere that they are two properties."""


def pair_of(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)


def parts(edges: Iterable[Edge], *, largest: int = LARGEST) -> list[Part]:
    """Of at most `largest` listings each, but for what persons said; what is left alone is in none."""
    found = []
    waiting = [list(edges)]
    while waiting:
        for part in _connected(waiting.pop()):
            weakest = min(edge.score for edge in part.edges)
            if len(part.members) <= largest or weakest == SAID:
                found.append(part)
            else:
                waiting.append([edge for edge in part.edges if edge.score > weakest])
    return sorted(found, key=lambda part: min(part.members))


def group(edges: Iterable[Edge], apart: Collection[Pair], vetoed: Collection[Pair]) -> list[frozenset[str]]:
    """Groups of two or more. The strongest evidence joins first; no join brings a pair together that is said to be apart, nor,
    unless persons said so, one that is vetoed.
    """
    strongest = sorted(edges, key=lambda edge: (-edge.score, edge.first, edge.second))
    together = {edge.pair for edge in strongest if edge.score == SAID}
    said, found = _Groups(set(apart)), None
    for edge in strongest:
        if edge.score == SAID:
            said.join(edge)
        else:
            found = found or said.against(set(vetoed) - together)
            found.join(edge)
    return sorted((found or said).of_two_or_more(), key=min)


def contradiction(together: Iterable[Pair], apart: Iterable[Pair]) -> Pair | None:
    """A pair said to be apart that those said to be together would bring into one group; None where all agrees."""
    joined = _Groups(set())
    for first, second in sorted(together):
        joined.join(Edge(first, second, SAID))
    return next((pair for pair in sorted(apart) if joined.are_one(*pair)), None)


class _Groups:
    """Disjoint sets, each the one object that all of its members lead to."""

    def __init__(self, conflicts: Collection[Pair]) -> None:
        self._of: dict[str, set[str]] = {}
        self._conflicts: dict[str, set[str]] = defaultdict(set)
        self._add(conflicts)

    def _add(self, conflicts: Collection[Pair]) -> None:
        for first, second in conflicts:
            self._conflicts[first].add(second)
            self._conflicts[second].add(first)

    def against(self, conflicts: Collection[Pair]) -> "_Groups":
        """The same groups, from here on with more conflicts."""
        self._add(conflicts)
        return self

    def join(self, edge: Edge) -> None:
        small, large = sorted((self._at(edge.first), self._at(edge.second)), key=len)
        if small is large or any(not self._conflicts[member].isdisjoint(large) for member in small):
            return
        large |= small
        for member in small:
            self._of[member] = large

    def are_one(self, one: str, other: str) -> bool:
        return self._at(one) is self._at(other)

    def of_two_or_more(self) -> Sequence[frozenset[str]]:
        distinct = {id(members): members for members in self._of.values()}
        return [frozenset(members) for members in distinct.values() if len(members) > 1]

    def _at(self, member: str) -> set[str]:
        return self._of.setdefault(member, {member})


def _connected(edges: Sequence[Edge]) -> list[Part]:
    joined = _Groups(())
    for edge in edges:
        joined.join(edge)
    inside: dict[str, list[Edge]] = defaultdict(list)
    names = {member: min(members) for members in joined.of_two_or_more() for member in members}
    for edge in edges:
        inside[names[edge.first]].append(edge)
    return [Part(members, tuple(inside[min(members)])) for members in joined.of_two_or_more()]
