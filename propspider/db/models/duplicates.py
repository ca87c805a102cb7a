"""Listings of one property: what they are compared by, what was found, what a person said, and the groups that follow."""

from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import REAL
from sqlalchemy.orm import Mapped, mapped_column

from propspider.db.models.base import Base, BigIdPk, Json, Moment, Now, PropertyKey, one_of

FAMILIES = ("apartment", "building", "house", "land", "office", "shop", "warehouse")


class DuplicateFeature(Base):
    """A live row as it is compared: derived, narrow, one of each. Text is lower case without accents or punctuation."""

    __tablename__ = "duplicate_features"
    __table_args__ = (one_of("family", FAMILIES), {"postgresql_with": {"fillfactor": "90"}})

    property_id: Mapped[PropertyKey]
    portal: Mapped[str]
    reference: Mapped[str | None]
    """The id that stands for the listing on every portal of one feed (EB-UG5586)."""
    agency: Mapped[str | None]
    family: Mapped[str | None]
    """Property types that portals mistake for each other are one."""
    markets: Mapped[int | None] = mapped_column(SmallInteger)
    """Bits: 1 for sale, 2 to let, 4 to let by the day; null when no offer is known."""
    sale: Mapped[float | None] = mapped_column(Float(53))
    """Logarithm of the total, as are `rent` and the areas: differences are shares."""
    sale_currency: Mapped[str | None]
    rent: Mapped[float | None] = mapped_column(Float(53))
    rent_currency: Mapped[str | None]
    total_area: Mapped[float | None] = mapped_column(Float(53))
    covered_area: Mapped[float | None] = mapped_column(Float(53))
    lot_area: Mapped[float | None] = mapped_column(Float(53))
    bedrooms: Mapped[int | None]
    bathrooms: Mapped[float | None] = mapped_column(REAL)
    """A half bathroom counts one half."""
    city: Mapped[str | None]
    neighborhood: Mapped[str | None]
    street: Mapped[str | None]
    """Without its kind (av, calle) and number."""
    house_number: Mapped[str | None]
    unit: Mapped[str | None]
    latitude: Mapped[float | None] = mapped_column(Float(53))
    longitude: Mapped[float | None] = mapped_column(Float(53))
    title: Mapped[int | None] = mapped_column(BigInteger)
    """Hash of a title long enough to tell."""


class DuplicateBlock(Base):
    """Listings that may be one share a key. Keys are of several kinds and may collide: they only say where to look."""

    __tablename__ = "duplicate_blocks"
    __table_args__ = (Index("ix_duplicate_blocks_property", "property_id"),)

    key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    property_id: Mapped[PropertyKey]
    band: Mapped[int | None] = mapped_column(SmallInteger)
    """Of keys with neighbours: the side, -1 or 1, on which the nearer price band is."""


class DuplicateEdge(Base):
    """Two listings that may be one, `property_a` < `property_b`; what contradicts itself (a veto) is not kept."""

    __tablename__ = "duplicate_edges"
    __table_args__ = (
        CheckConstraint('property_a COLLATE "C" < property_b', name="order"),
        CheckConstraint("probability BETWEEN 0 AND 1", name="probability"),
        Index("ix_duplicate_edges_b", "property_b"),
        Index("ix_duplicate_edges_probability", "probability", postgresql_where=text("probability IS NOT NULL")),
    )

    property_a: Mapped[PropertyKey]
    property_b: Mapped[PropertyKey]
    score: Mapped[float] = mapped_column(REAL)
    """Bits of evidence by the rules."""
    reasons: Mapped[Json]
    """Of each feature: what was found, and its bits."""
    probability: Mapped[float | None] = mapped_column(REAL)
    """By the nightly model; null until it has looked."""
    found_at: Mapped[Now]


class DuplicateDecision(Base):
    """What a person said of two listings. It counts until it is undone or another about the same two replaces it."""

    __tablename__ = "duplicate_decisions"
    __table_args__ = (
        one_of("verdict", ("together", "apart")),
        CheckConstraint('property_a COLLATE "C" < property_b', name="order"),
        Index("ix_duplicate_decisions_action", "action"),
        Index(
            "uq_duplicate_decisions_pair",
            "property_a",
            "property_b",
            unique=True,
            postgresql_where=text("undone_at IS NULL AND replaced_by IS NULL"),
        ),
        Index("ix_duplicate_decisions_b", "property_b"),
    )

    id: Mapped[BigIdPk]
    action: Mapped[int] = mapped_column(BigInteger)
    """One word of a person, about one pair or more, is undone as one."""
    property_a: Mapped[str]
    property_b: Mapped[str]
    verdict: Mapped[str]
    decided_by: Mapped[str]
    decided_at: Mapped[Now]
    undone_at: Mapped[Moment | None]
    replaced_by: Mapped[int | None] = mapped_column(BigInteger)
    """A later action; when that is undone this one counts again."""


class PropertyGroup(Base):
    """Listings of one property, two or more. Named by the one first seen: the same members have the same name again."""

    __tablename__ = "property_groups"

    group_id: Mapped[PropertyKey]
    created_at: Mapped[Now]


class PropertyGroupMember(Base):
    """A listing that is in no row here stands for a property of its own."""

    __tablename__ = "property_group_members"
    __table_args__ = (Index("ix_property_group_members_group", "group_id"),)

    property_id: Mapped[PropertyKey]
    group_id: Mapped[str] = mapped_column(ForeignKey("property_groups.group_id", ondelete="CASCADE"))
    joined_at: Mapped[Now]
