"""Staging, live rows, their offers, their narrow state and their history."""

import uuid
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Computed, Date, Float, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from propspider.db.models.base import (
    Area,
    Base,
    BigIdPk,
    Cube,
    Json,
    Moment,
    Money,
    Now,
    PropertyKey,
    Share,
    one_of,
)
from propspider.db.models.completeness import score_expression
from propspider.items import Operation, PriceKind, PriceUnit, PropertyType

EARTH_RADIUS_M = 6378168
LISTING_STATUSES = ("active", "likely_removed", "confirmed_removed", "sold", "withdrawn", "relisted")


class ListingColumns:
    """The columns that staging and live share, named as the fields of items.PropertyItem."""

    source_url: Mapped[str]
    internal_id: Mapped[str | None]
    title: Mapped[str | None]
    title_original: Mapped[str | None]
    description: Mapped[str | None]
    description_original: Mapped[str | None]
    language: Mapped[str | None]
    property_type: Mapped[str | None]
    address: Mapped[str | None]
    street: Mapped[str | None]
    unit: Mapped[str | None]
    door: Mapped[str | None]
    neighborhood: Mapped[str | None]
    city: Mapped[str | None]
    state: Mapped[str | None]
    postal_code: Mapped[str | None]
    country: Mapped[str | None]
    latitude: Mapped[float | None] = mapped_column(Float(53))
    longitude: Mapped[float | None] = mapped_column(Float(53))
    exact_location: Mapped[bool | None] = mapped_column(Boolean)
    bedrooms: Mapped[int | None]
    bathrooms: Mapped[int | None]
    half_bathrooms: Mapped[int | None]
    parking_spaces: Mapped[int | None]
    total_area_m2: Mapped[Area | None]
    covered_area_m2: Mapped[Area | None]
    lot_size_m2: Mapped[Area | None]
    floor_number: Mapped[int | None]
    total_floors: Mapped[int | None]
    age_years: Mapped[int | None]
    construction_year: Mapped[int | None]
    condition: Mapped[str | None]
    features: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    amenities: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    main_image_url: Mapped[str | None]
    image_urls: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    virtual_tour_url: Mapped[str | None]
    video_url: Mapped[str | None]
    agent_name: Mapped[str | None]
    agent_phone: Mapped[str | None]
    agent_email: Mapped[str | None]
    agency_name: Mapped[str | None]
    message_url: Mapped[str | None]
    is_featured: Mapped[bool | None] = mapped_column(Boolean)
    is_premium: Mapped[bool | None] = mapped_column(Boolean)
    listing_date: Mapped[Any | None] = mapped_column(Date)
    published_at: Mapped[Moment | None]


class PropertyStaging(ListingColumns, Base):
    """What one session's detail page said, before it was compared."""

    __tablename__ = "property_scrapes_staging"
    __table_args__ = (
        one_of("processing_status", ("pending", "processed", "held", "error")),
        one_of("change_type", ("new", "updated", "unchanged", "outdated", "removed")),
        Index("uq_property_scrapes_staging_session_property", "session_id", "property_id", unique=True),
    )

    id: Mapped[BigIdPk]
    session_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("scraping_sessions.id", ondelete="CASCADE"))
    property_id: Mapped[str]
    portal: Mapped[str]
    offers: Mapped[Json]
    stated_empty: Mapped[list[str]] = mapped_column(ARRAY(TEXT))
    cleared: Mapped[list[str] | None] = mapped_column(ARRAY(TEXT))
    """What the page does not state and what was missed long enough to be believed empty."""
    warnings: Mapped[list[str]] = mapped_column(ARRAY(TEXT))
    observed_at: Mapped[Moment]
    content_hash: Mapped[str]
    data_completeness_score: Mapped[Share | None]
    processing_status: Mapped[str] = mapped_column(server_default="pending")
    change_type: Mapped[str | None]
    scraped_at: Mapped[Now]


class PropertyLive(ListingColumns, Base):
    """Clean rows for consumers: written only when a value changed. What changes on every sighting is in property_freshness."""

    __tablename__ = "properties_live"
    __table_args__ = (
        one_of("listing_status", LISTING_STATUSES),
        one_of("verification_status", ("unverified", "verified", "flagged")),
        one_of("operation_type", Operation),
        one_of("property_type", PropertyType),
        CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude"),
        CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude"),
        CheckConstraint("(price IS NULL) OR (currency IS NOT NULL)", name="currency"),
        Index("ix_properties_live_filters", "property_type", "operation_type", "price", "bedrooms"),
        Index("ix_properties_live_listing_status", "listing_status"),
        Index("ix_properties_live_active", "last_updated_at", postgresql_where=text("status = 'active'")),
        Index("ix_properties_live_search", "search_vector", postgresql_using="gin"),
        Index("ix_properties_live_location", "location", postgresql_using="gist"),
        Index("ix_properties_live_point", text("point(longitude, latitude)"), postgresql_using="gist"),
        Index("uq_properties_live_id", "id", unique=True),
    )

    property_id: Mapped[PropertyKey]
    id: Mapped[uuid.UUID] = mapped_column(server_default=text("gen_random_uuid()"))
    portal: Mapped[str]
    title: Mapped[str] = mapped_column(nullable=False)
    operation_type: Mapped[str | None]
    price: Mapped[Money | None]
    currency: Mapped[str | None]
    price_per_m2: Mapped[Money | None]
    offers: Mapped[Json] = mapped_column(server_default=text("'[]'"))
    listing_status: Mapped[str] = mapped_column(server_default="active")
    status: Mapped[str] = mapped_column(
        Computed(
            # Spelt as the server stores it, so that `alembic check` can compare it.
            "CASE WHEN (listing_status = ANY (ARRAY['sold'::text, 'withdrawn'::text])) THEN 'inactive'::text"
            " WHEN (listing_status = 'confirmed_removed'::text) THEN 'removed'::text ELSE 'active'::text END",
            persisted=True,
        )
    )
    verification_status: Mapped[str] = mapped_column(server_default="unverified")
    data_completeness_score: Mapped[Share] = mapped_column(Computed(score_expression(), persisted=True))
    gps_coordinates: Mapped[str | None] = mapped_column(Computed("latitude::text || ',' || longitude::text", persisted=True))
    search_vector: Mapped[Any] = mapped_column(
        TSVECTOR,
        Computed(
            "to_tsvector('spanish'::regconfig, coalesce(title, '') || ' ' || coalesce(description, '') || ' '"
            " || coalesce(neighborhood, '') || ' ' || coalesce(city, ''))",
            persisted=True,
        ),
    )
    location: Mapped[Any] = mapped_column(
        Cube,
        Computed(
            "CASE WHEN latitude IS NULL OR longitude IS NULL THEN NULL ELSE cube(ARRAY["
            f"{EARTH_RADIUS_M} * cos(radians(latitude)) * cos(radians(longitude)), "
            f"{EARTH_RADIUS_M} * cos(radians(latitude)) * sin(radians(longitude)), "
            f"{EARTH_RADIUS_M} * sin(radians(latitude))]) END",
            persisted=True,
        ),
        nullable=True,
    )
    """On a sphere of radius 6,378,168 m, by formula: a stored ll_to_earth() cannot be restored from a dump on PG 15."""
    parser_version: Mapped[str | None]
    first_seen_at: Mapped[Moment]
    scraped_at: Mapped[Moment]
    """When the values of this row were fetched; a later identical read is in property_freshness.last_full_scrape_at."""
    created_at: Mapped[Now]
    updated_at: Mapped[Now]
    last_updated_at: Mapped[Now]


class PropertyOffer(Base):
    """The truth about prices: one row an operation and unit; the currency is part of the value."""

    __tablename__ = "property_offers"
    __table_args__ = (
        one_of("operation", Operation),
        one_of("unit", PriceUnit),
        one_of("kind", PriceKind),
        CheckConstraint("(kind = 'on_request') = (amount IS NULL)", name="amount"),
        CheckConstraint("(amount IS NULL) = (currency IS NULL)", name="currency"),
        CheckConstraint("(kind = 'range') = (amount_max IS NOT NULL)", name="amount_max"),
        CheckConstraint("(held_reason IS NULL) = (held_observed_at IS NULL)", name="held"),
        CheckConstraint("held_reason IN ('price_move', 'currency')", name="held_reason"),
        Index("ix_property_offers_held", "held_observed_at", postgresql_where=text("held_reason IS NOT NULL")),
    )

    property_id: Mapped[PropertyKey]
    operation: Mapped[PropertyKey]
    unit: Mapped[PropertyKey]
    kind: Mapped[str]
    amount: Mapped[Money | None]
    amount_max: Mapped[Money | None]
    currency: Mapped[str | None]
    observed_at: Mapped[Moment]
    source: Mapped[str]
    missing_since: Mapped[Moment | None]
    """When a page that states offers first came without this one; cleared when it is seen again."""
    missing_source: Mapped[str | None]
    is_withdrawn: Mapped[bool] = mapped_column(server_default=text("false"))
    """Missing twice, a day apart or on both kinds of page: no longer part of live."""
    held_kind: Mapped[str | None]
    held_amount: Mapped[Money | None]
    held_amount_max: Mapped[Money | None]
    held_currency: Mapped[str | None]
    held_observed_at: Mapped[Moment | None]
    held_source: Mapped[str | None]
    held_reason: Mapped[str | None]
    """Why the row gate kept the held value from live; null when nothing is held."""
    held_rejected: Mapped[bool] = mapped_column(server_default=text("false"))
    """An operator said no: the same value again is ignored."""


class PropertyState(Base):
    """Narrow companion of a live row, and the lock that every writer of a listing takes first, ORDER BY property_id."""

    __tablename__ = "property_state"
    __table_args__ = (
        # The three kinds of need, each in the order in which the window takes them up.
        Index(
            "ix_property_state_new", "portal", "created_at", postgresql_where=text("observed_at IS NULL AND given_up_at IS NULL")
        ),
        Index("ix_property_state_changed", "portal", "price_moved_at", postgresql_where=text("price_moved_at > observed_at")),
        Index("ix_property_state_stale", "portal", "observed_at", postgresql_where=text("observed_at IS NOT NULL")),
        {"postgresql_with": {"fillfactor": "70"}},
    )

    property_id: Mapped[PropertyKey]
    portal: Mapped[str]
    created_at: Mapped[Now]
    content_hash: Mapped[str | None]
    """Of the last detail read; null when another writer has touched live since."""
    observed_at: Mapped[Moment | None]
    """When the newest detail page was fetched (the seeds' last_full_scrape_at)."""
    last_attempt_at: Mapped[Moment | None]
    present_at: Mapped[Moment | None]
    """When something that is no page of it or of a scope last said that it is there: the portal's sitemap."""
    status_at: Mapped[Moment | None]
    """When what decided listing_status was observed; null while it never changed. What was observed before changes it no more."""
    price_moved_at: Mapped[Moment | None]
    """When a listing page last showed a price worth a request; a need while it is later than observed_at."""
    missing_since: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    """Column → since when its detail pages do not state what live has; null: they state all of it."""
    given_up_at: Mapped[Moment | None]
    """When its detail page became a dead letter; a newer price, or requeue, is a new need."""


class PropertyChange(Base):
    """History: one row a field; `created` holds the whole first row in new_value."""

    __tablename__ = "property_changes"
    __table_args__ = (
        one_of("change_type", ("created", "updated", "removed", "reactivated")),
        Index("ix_property_changes_property", "property_id", "id"),
        Index("ix_property_changes_session", "session_id"),
        Index("ix_property_changes_type", "change_type", "created_at"),
    )

    id: Mapped[BigIdPk]
    property_id: Mapped[str]
    portal: Mapped[str]
    session_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("scraping_sessions.id", ondelete="SET NULL"))
    change_type: Mapped[str]
    field_name: Mapped[str | None]
    old_value: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    new_value: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    confidence_score: Mapped[Share | None]
    change_reason: Mapped[str]
    parser_version: Mapped[str | None]
    observed_at: Mapped[Moment]
    created_at: Mapped[Now]
