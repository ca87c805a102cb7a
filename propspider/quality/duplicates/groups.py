"""Groups follow from edges and decisions: what they are does not depend on the order in which those came."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

from sqlalchemy import Connection

from propspider.quality.duplicates import AUTOMATIC, POSSIBLE, statement
from propspider.quality.duplicates.grouping import SAID, Edge, Pair, Part, group, pair_of, parts
from propspider.quality.duplicates.pairs import compare


@dataclass(frozen=True)
class Regrouped:
    """Listings that came into a group, and that left the one they were in; one that moved is in both."""

    joined: tuple[str, ...]
    left: tuple[str, ...]


def regroup(connection: Connection, property_ids: Collection[str]) -> Regrouped:
    """Groups anew these listings and all that hangs together with them. The caller holds the lock and commits."""
    return settle(connection, connection.execute(statement("groups_reach"), _parameters(property_ids)).scalars().all())


def settle(connection: Connection, property_ids: Collection[str]) -> Regrouped:
    """As regroup, of listings that hang together with no others."""
    edges, apart = _edges(connection, property_ids)
    named = _named(connection, groups_of(connection, edges, apart))
    parameters = {"property_ids": list(property_ids), "group_ids": [named.get(one) for one in property_ids]}
    left = connection.execute(statement("groups_clear"), parameters).scalars().all()
    joined = connection.execute(statement("groups_write"), parameters).scalars().all()
    connection.execute(statement("groups_prune"), {"property_ids": list(property_ids)})
    return Regrouped(tuple(sorted(joined)), tuple(sorted(left)))


def groups_of(connection: Connection, edges: Collection[Edge], apart: Collection[Pair]) -> list[frozenset[str]]:
    """Compares within each part what was never compared, for a chain may end in a contradiction."""
    found = parts(edges)
    vetoed = _vetoed(connection, [part for part in found if not part.is_simple])
    return [members for part in found for members in group(part.edges, apart, vetoed)]


def _parameters(property_ids: Collection[str]) -> dict[str, object]:
    return {"property_ids": list(property_ids), "automatic": AUTOMATIC}


def _edges(connection: Connection, property_ids: Collection[str]) -> tuple[list[Edge], set[Pair]]:
    """What persons put together counts as an edge; what they keep apart comes second."""
    scores: dict[Pair, float] = {}
    apart = set()
    for first, second, score, verdict in connection.execute(statement("groups_edges"), _parameters(property_ids)):
        pair = pair_of(first, second)
        if verdict == "apart":
            apart.add(pair)
        else:
            scores[pair] = max(scores.get(pair, -SAID), SAID if score is None else score)
    return [Edge(*pair, score) for pair, score in scores.items()], apart


def _vetoed(connection: Connection, among: Collection[Part]) -> set[Pair]:
    """What is not even possible contradicts as a veto does: else two neighbours become one over what each resembles."""
    pairs = [pair for part in among for pair in combinations(sorted(part.members), 2)]
    return {(one.first, one.second) for one in compare(connection, pairs) if one.vetoes or one.score < POSSIBLE}


def _named(connection: Connection, groups: Collection[frozenset[str]]) -> dict[str, str]:
    """The group of each member: its member first seen names it."""
    members = [member for group in groups for member in group]
    rows = connection.execute(statement("groups_first"), {"property_ids": members})
    first_seen: dict[str, datetime] = {row.property_id: row.first_seen_at for row in rows}
    return {member: name for group in groups for name in (_first(group, first_seen),) for member in group}


def _first(members: Collection[str], first_seen: dict[str, datetime]) -> str:
    known = [(first_seen[member], member) for member in members if member in first_seen]
    return min(known)[1] if known else min(members)
