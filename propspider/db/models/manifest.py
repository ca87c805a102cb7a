"""What listing pages showed: one row a listing, one stamp a (listing, scope), one row a page read."""

import uuid

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Index, Integer, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from propspider.db.models.base import Base, BigIdPk, Count, Json, Moment, Money, Now, PropertyKey, one_of
from propspider.items import PropertyType


class PropertyManifest(Base):
    """Facts of a listing's card. Written only when one of them changed; sightings are stamped elsewhere."""

    __tablename__ = "property_manifest"
    __table_args__ = (
        one_of("property_type", PropertyType),
        Index("ix_property_manifest_internal", "portal", "internal_id"),
        {"postgresql_with": {"fillfactor": "80"}},
    )

    property_id: Mapped[PropertyKey]
    portal: Mapped[str]
    source_url: Mapped[str]
    internal_id: Mapped[str | None]
    listing_page_title: Mapped[str | None]
    property_type: Mapped[str | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    exact_location: Mapped[bool | None] = mapped_column(Boolean)
    first_seen_at: Mapped[Moment]
    first_seen_session_id: Mapped[uuid.UUID | None]
    observed_at: Mapped[Moment]
    updated_at: Mapped[Now]


class Sweep(Base):
    """One walk of one scope by one session. `verdict` is null until the walk was judged."""

    __tablename__ = "sweeps"
    __table_args__ = (
        one_of("status", ("running", "finished", "aborted")),
        one_of("verdict", ("complete", "partial", "void")),
        CheckConstraint("(status = 'running') = (completed_at IS NULL)", name="completed_at"),
        Index("uq_sweeps_session_scope", "session_id", "scope", unique=True),
        Index("ix_sweeps_complete", "portal", "scope", "id", postgresql_where=text("verdict = 'complete'")),
    )

    id: Mapped[BigIdPk]
    portal: Mapped[str]
    scope: Mapped[str]
    session_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("scraping_sessions.id", ondelete="CASCADE"))
    status: Mapped[str] = mapped_column(server_default="running")
    verdict: Mapped[str | None]
    reasons: Mapped[Json] = mapped_column(server_default=text("'[]'"))
    pages_wanted: Mapped[int] = mapped_column(Integer)
    """0 = all."""
    pages_fetched: Mapped[Count]
    pages_failed: Mapped[Count]
    cards: Mapped[Count]
    entries: Mapped[Count]
    first_stated_total: Mapped[int | None]
    last_stated_total: Mapped[int | None]
    cap_hit: Mapped[bool] = mapped_column(server_default=text("false"))
    """The walk ended at the portal's last page, not at the last listing."""
    distinct_listings: Mapped[int | None]
    expected_listings: Mapped[int | None]
    """What the complete sweep before it held; null when there was none."""
    residual: Mapped[Count]
    """Listings that the scope's total counts and that stand in none of the parts it was split into."""
    covers_all: Mapped[bool] = mapped_column(server_default=text("false"))
    """Complete without residual: it says of every listing of the scope whether it was there. Else `sweep_parts` tells."""
    started_at: Mapped[Now]
    completed_at: Mapped[Moment | None]


class SweepPart(Base):
    """A part of a sweep: the listings of one predicate, walked by themselves or split again. The whole scope is the part ''.

    Prices are inclusive, of totals in `currency`; a part with neither has no price in its predicate.
    """

    __tablename__ = "sweep_parts"
    __table_args__ = (one_of("property_type", PropertyType), Index("uq_sweep_parts_name", "sweep_id", "name", unique=True))

    id: Mapped[BigIdPk]
    sweep_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("sweeps.id", ondelete="CASCADE"))
    name: Mapped[str]
    parent: Mapped[str | None]
    property_type: Mapped[str | None]
    place: Mapped[str | None]
    price_from: Mapped[Money | None]
    price_to: Mapped[Money | None]
    currency: Mapped[str | None]
    operation: Mapped[str | None]
    """Of the prices."""
    is_split: Mapped[bool] = mapped_column(server_default=text("false"))
    first_stated_total: Mapped[int | None]
    last_stated_total: Mapped[int | None]
    cards: Mapped[Count]
    mismatched: Mapped[Count]
    """Cards that the predicate does not allow: the portal ignored a filter."""
    cap_hit: Mapped[bool] = mapped_column(server_default=text("false"))
    covered: Mapped[bool] = mapped_column(server_default=text("false"))
    """A listing of this predicate that was not seen was not there. Decided with the sweep's verdict."""


class SweepPage(Base):
    """One listing page as read, with the listings on it in page order: where a listing was seen."""

    __tablename__ = "sweep_pages"
    __table_args__ = (Index("ix_sweep_pages_sweep", "sweep_id", "page"),)

    id: Mapped[BigIdPk]
    sweep_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("sweeps.id", ondelete="CASCADE"))
    part: Mapped[str] = mapped_column(server_default=text("''"))
    page: Mapped[int]
    url: Mapped[str]
    observed_at: Mapped[Moment]
    cards: Mapped[int]
    stated_total: Mapped[int | None]
    property_ids: Mapped[list[str]] = mapped_column(ARRAY(TEXT))


class ManifestSighting(Base):
    """The one stamp of a sighting. No index holds a stamp column, so that stamping stays a HOT update."""

    __tablename__ = "manifest_sightings"
    __table_args__ = ({"postgresql_with": {"fillfactor": "50"}},)

    property_id: Mapped[PropertyKey]
    scope: Mapped[PropertyKey]
    portal: Mapped[str]
    last_sweep: Mapped[int] = mapped_column(BigInteger)
    last_seen_at: Mapped[Moment]
    last_priced_at: Mapped[Moment | None]
    """When a card of this scope last stated an offer."""
    place: Mapped[str | None]
    """The place by which the walk that saw it was split, where it was."""
    page_number: Mapped[int]
