"""Listings as they are compared, the pairs that may be one, and what speaks for each."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from propspider.quality.duplicates import CROWD, POSSIBLE, statement
from propspider.quality.duplicates.grouping import Pair

SCORED_AT_ONCE = 100_000

Reasons = dict[str, tuple[str, float]]


@dataclass(frozen=True)
class Comparison:
    """`reasons`: of each feature what was found and its bits of evidence, which add up to `score`. A veto outweighs them all."""

    first: str
    second: str
    score: float
    vetoes: tuple[str, ...]
    reasons: Reasons


def read_features(connection: Connection, property_ids: Sequence[str]) -> list[str]:
    """Takes anew what these listings are compared and found by; the ones of which something changed. The caller commits."""
    changed = list(connection.execute(statement("features_refresh"), {"property_ids": list(property_ids)}).scalars())
    if changed:
        connection.execute(statement("blocks_clear"), {"property_ids": changed})
        connection.execute(statement("blocks_write"), {"property_ids": changed})
    return changed


def candidates(connection: Connection, property_ids: Sequence[str], *, are_all: bool = False) -> list[Pair]:
    """Pairs that share a key and of which one is of these; each once."""
    parameters = {"property_ids": list(property_ids), "is_all": are_all, "crowd": CROWD}
    return [(first, second) for first, second in connection.execute(statement("pairs_candidates"), parameters)]


def compare(connection: Connection, pairs: Sequence[Pair], *, floor: float | None = None) -> Iterator[Comparison]:
    """In no order. With `floor`: without those that are vetoed or score less."""
    for start in range(0, len(pairs), SCORED_AT_ONCE):
        some = pairs[start : start + SCORED_AT_ONCE]
        parameters = {"first_ids": [one for one, _ in some], "second_ids": [other for _, other in some], "floor": floor}
        for first, second, score, vetoes, reasons in connection.execute(statement("pairs_score"), parameters):
            yield Comparison(first, second, score, tuple(vetoes), {name: tuple(found) for name, found in reasons.items()})


def find_edges(connection: Connection, property_ids: Sequence[str], *, are_all: bool = False) -> set[str]:
    """Writes what is found between these listings and any other; returns them and all that they were or are found with.

    The caller commits.
    """
    found = list(compare(connection, candidates(connection, property_ids, are_all=are_all), floor=POSSIBLE))
    pairs: dict[str, Any] = {"first_ids": [one.first for one in found], "second_ids": [one.second for one in found]}
    connection.execute(
        statement("edges_write"),
        {**pairs, "scores": [one.score for one in found], "reasons": [json.dumps(one.reasons) for one in found]},
    )
    of = {"property_ids": list(property_ids), "is_all": are_all}
    left = connection.execute(statement("edges_clear"), {**of, **pairs}).scalars()
    return {*property_ids, *left, *pairs["first_ids"], *pairs["second_ids"]}
