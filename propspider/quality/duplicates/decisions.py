"""What a person says of listings: that they are one property, or are not. Automatic runs respect it; it is undone exactly.

The caller commits.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from sqlalchemy import Connection, Row, func, select

from propspider.db.models import DuplicateDecision, PropertyGroupMember, PropertyLive
from propspider.quality.duplicates import statement
from propspider.quality.duplicates.grouping import Pair, contradiction, pair_of
from propspider.quality.duplicates.groups import Regrouped, regroup
from propspider.quality.duplicates.pairs import compare
from propspider.quality.duplicates.refresh import lock

Verdict = Literal["together", "apart"]


class Refused(RuntimeError):
    """Nothing was decided; the message says why."""


@dataclass(frozen=True)
class Decided:
    """`overruled`: pairs that the rules would never join, with their vetoes. `groups`: what moved."""

    action: int
    verdict: Verdict
    pairs: tuple[Pair, ...]
    overruled: dict[Pair, tuple[str, ...]]
    groups: Regrouped


def merge(connection: Connection, property_ids: Sequence[str], *, by: str) -> Decided:
    """They, and all that is in their groups now, are one property. Raises Refused for fewer than two, for what is not live, and
    where a split says otherwise of any two but those named.
    """
    listings = _live(connection, property_ids)
    if len(listings) < 2:
        raise Refused("a merge takes two listings at least")
    lock(connection)
    whole = sorted({*listings, *(row.property_id for row in _members(connection, _groups_of(connection, listings).values()))})
    pairs = list(combinations(whole, 2))
    known = connection.execute(statement("decisions_reach"), {"property_ids": whole}).all()
    together = {(row.property_a, row.property_b) for row in known if row.verdict == "together"}
    apart = {(row.property_a, row.property_b) for row in known if row.verdict == "apart"} - set(combinations(listings, 2))
    if found := contradiction({*together, *pairs}, apart):
        raise Refused(
            f"{found[0]} and {found[1]} were said to be two properties, and this would make them one: undo that split first"
        )
    vetoed = {(one.first, one.second): one.vetoes for one in compare(connection, pairs) if one.vetoes}
    return _decide(connection, "together", pairs, by=by, overruled=vetoed)


def split(connection: Connection, property_ids: Sequence[str], *, by: str) -> Decided:
    """They leave their group; those named stay with each other where the rules say so. Raises Refused for what is in no group,
    and where that is the whole of it.
    """
    listings = _live(connection, property_ids)
    lock(connection)
    names = _groups_of(connection, listings)
    if alone := sorted(set(listings) - names.keys()):
        raise Refused(f"{', '.join(alone)}: in no group")
    pairs = [
        pair_of(one, row.property_id)
        for row in _members(connection, names.values())
        if row.property_id not in names
        for one in listings
        if names[one] == row.group_id
    ]
    if not pairs:
        raise Refused("these are the whole group: name those that are to leave it")
    return _decide(connection, "apart", sorted(pairs), by=by, overruled={})


def undo(connection: Connection, action: int) -> Regrouped:
    """As if the action had never been. Raises Refused for one that is not there or was undone before."""
    lock(connection)
    undone = connection.execute(statement("decisions_undo"), {"action": action}).all()
    if not undone:
        raise Refused(f"there is no action {action}, or it was undone before")
    return regroup(connection, {one for row in undone for one in row})


def _decide(
    connection: Connection, verdict: Verdict, pairs: Sequence[Pair], *, by: str, overruled: dict[Pair, tuple[str, ...]]
) -> Decided:
    action = (connection.scalar(select(func.max(DuplicateDecision.action))) or 0) + 1
    of = {"action": action, "first_ids": [first for first, _ in pairs], "second_ids": [second for _, second in pairs]}
    connection.execute(statement("decisions_replace"), of)
    connection.execute(statement("decisions_write"), {**of, "verdict": verdict, "decided_by": by})
    moved = regroup(connection, _named(pairs))
    return Decided(action, verdict, tuple(pairs), overruled, moved)


def _groups_of(connection: Connection, property_ids: Sequence[str]) -> dict[str, str]:
    member = PropertyGroupMember
    rows = connection.execute(select(member.property_id, member.group_id).where(member.property_id.in_(property_ids)))
    return {row.property_id: row.group_id for row in rows}


def _members(connection: Connection, group_ids: Iterable[str]) -> Sequence[Row[str, str]]:
    member = PropertyGroupMember
    return connection.execute(select(member.property_id, member.group_id).where(member.group_id.in_(set(group_ids)))).all()


def _named(pairs: Iterable[Pair]) -> set[str]:
    return {one for pair in pairs for one in pair}


def _live(connection: Connection, property_ids: Sequence[str]) -> list[str]:
    wanted = sorted(set(property_ids))
    known = set(connection.scalars(select(PropertyLive.property_id).where(PropertyLive.property_id.in_(wanted))))
    if missing := [one for one in wanted if one not in known]:
        raise Refused(f"no such listing: {', '.join(missing)}")
    return wanted
