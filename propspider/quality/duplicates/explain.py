"""Why listings are in one group, or are not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection

from propspider.quality.duplicates import statement
from propspider.quality.duplicates.grouping import pair_of
from propspider.quality.duplicates.pairs import Comparison, Reasons, compare


@dataclass(frozen=True)
class Member:
    property_id: str
    group_id: str | None
    portal: str
    title: str
    listing_status: str
    operation_type: str | None
    price: Decimal | None
    currency: str | None
    first_seen_at: datetime
    gone_at: datetime | None


@dataclass(frozen=True)
class Found:
    """An edge; `is_inside`: both listings are of the group."""

    first: str
    second: str
    score: float
    probability: float | None
    reasons: Reasons
    is_inside: bool


@dataclass(frozen=True)
class Said:
    """One action; `pairs`: its listings, two by two."""

    action: int
    verdict: str
    decided_by: str
    decided_at: datetime
    undone_at: datetime | None
    replaced_by: int | None
    pairs: list[str]


@dataclass(frozen=True)
class Chain:
    """Listings that followed each other within 90 days, or ran side by side. `price_change`: a share; None across currencies."""

    operation_type: str | None
    property_ids: list[str]
    first_seen_at: datetime
    gone_at: datetime | None
    days_on_market: int
    first_price: Decimal | None
    last_price: Decimal | None
    currency: str | None
    price_change: Decimal | None


@dataclass(frozen=True)
class Explained:
    group_id: str | None
    members: list[Member]
    found: list[Found]
    said: list[Said]
    chains: list[Chain]


@dataclass(frozen=True)
class GroupLine:
    group_id: str
    listings: int
    property_ids: list[str]
    portals: list[str]
    shown: int
    title: str
    first_seen_at: datetime
    joined_at: datetime


def explain(connection: Connection, property_id: str) -> Explained | None:
    """None for what live does not have."""
    rows = connection.execute(statement("explain_members"), {"property_id": property_id}).mappings()
    members = [Member(**row) for row in rows]
    if not members:
        return None
    ids = [member.property_id for member in members]
    edges = connection.execute(statement("explain_edges"), {"property_ids": ids}).all()
    said = connection.execute(statement("explain_decisions"), {"property_ids": ids}).mappings()
    group_id = members[0].group_id
    chains = connection.execute(statement("explain_chains"), {"group_id": group_id}).mappings()
    return Explained(
        group_id,
        members,
        [
            Found(
                row.property_a,
                row.property_b,
                row.score,
                row.probability,
                row.reasons,
                {row.property_a, row.property_b} <= {*ids},
            )
            for row in edges
        ],
        [Said(**row) for row in said],
        [Chain(**row) for row in chains],
    )


def compare_two(connection: Connection, one: str, other: str) -> Comparison | None:
    """As they would be compared if they shared a key; None where one of them has no features."""
    return next(compare(connection, [pair_of(one, other)]), None)


def groups(connection: Connection, *, portal: str | None = None, limit: int | None = None) -> Sequence[GroupLine]:
    """The largest first; `limit` None = all."""
    rows = connection.execute(statement("groups_list"), {"portal": portal, "limit": limit}).mappings()
    return [GroupLine(**row) for row in rows]
