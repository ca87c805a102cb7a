"""What ran, and what went wrong while it ran."""

import uuid

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from propspider.db.models.base import Base, BigIdPk, Count, Json, Moment, Now, Share, UuidPk, one_of
from propspider.items import ErrorType

RUN_STATUSES = ("running", "completed", "failed", "cancelled")


class SyncRun(Base):
    """One tier run; a plain `scrapy crawl` opens one too, with tier_level null."""

    __tablename__ = "sync_runs"
    __table_args__ = (
        one_of("status", RUN_STATUSES),
        CheckConstraint("tier_level BETWEEN 1 AND 4", name="tier_level"),
        CheckConstraint("(status = 'running') = (completed_at IS NULL)", name="completed_at"),
        Index("ix_sync_runs_portal_started", "portal", "started_at"),
    )

    id: Mapped[UuidPk]
    portal: Mapped[str]
    tier_level: Mapped[int | None] = mapped_column(SmallInteger)
    tier_name: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default="running")
    started_at: Mapped[Now]
    completed_at: Mapped[Moment | None]
    pages_scanned: Mapped[Count]
    properties_in_manifest: Mapped[Count]
    new_properties_found: Mapped[Count]
    price_changes_detected: Mapped[Count]
    removals_detected: Mapped[Count]
    removals_confirmed: Mapped[Count]
    properties_queued: Mapped[Count]
    properties_scraped: Mapped[Count]
    properties_updated: Mapped[Count]
    error_count: Mapped[Count]
    error_summary: Mapped[str | None]
    execution_time_ms: Mapped[int | None] = mapped_column(BigInteger)
    metadata_: Mapped[Json] = mapped_column("metadata", server_default=text("'{}'"))


class ScrapingSession(Base):
    """One spider run. `heartbeat_at` is real time; a running session without a beat for minutes died."""

    __tablename__ = "scraping_sessions"
    __table_args__ = (
        one_of("status", RUN_STATUSES),
        one_of("spider", ("manifest", "detail", "verify")),
        CheckConstraint("(status = 'running') = (completed_at IS NULL)", name="completed_at"),
        Index("ix_scraping_sessions_portal_started", "portal", "started_at"),
        Index("ix_scraping_sessions_running", "heartbeat_at", postgresql_where=text("status = 'running'")),
    )

    id: Mapped[UuidPk]
    sync_run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sync_runs.id", ondelete="CASCADE"), index=True)
    portal: Mapped[str]
    spider: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="running")
    finish_reason: Mapped[str | None]
    arguments: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    base_url: Mapped[str]
    parser_version: Mapped[str]
    started_at: Mapped[Now]
    heartbeat_at: Mapped[Moment] = mapped_column(server_default=text("clock_timestamp()"))
    completed_at: Mapped[Moment | None]
    pages_fetched: Mapped[Count]
    items_stored: Mapped[Count]
    error_count: Mapped[Count]
    warning_count: Mapped[Count]
    stats: Mapped[Json] = mapped_column(server_default=text("'{}'"))


class ScrapingError(Base):
    """One typed failure of one page, card, item or request. `raw_item` keeps what was rejected."""

    __tablename__ = "scraping_errors"
    __table_args__ = (
        one_of("error_type", ErrorType),
        Index("ix_scraping_errors_property", "property_id"),
        Index("ix_scraping_errors_page_gates", "portal", "created_at", postgresql_where=text("error_type = 'page_gate'")),
    )

    id: Mapped[BigIdPk]
    session_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("scraping_sessions.id", ondelete="CASCADE"), index=True)
    portal: Mapped[str]
    error_type: Mapped[str]
    message: Mapped[str]
    url: Mapped[str | None]
    http_status: Mapped[int | None] = mapped_column(Integer)
    property_id: Mapped[str | None]
    scope: Mapped[str | None]
    page: Mapped[int | None]
    raw_item: Mapped[Json | None]
    created_at: Mapped[Now]


class SyncMetadata(Base):
    """One row a session; counters are added in the transaction of each flush."""

    __tablename__ = "sync_metadata"
    __table_args__ = (one_of("sync_status", ("pending", "running", "completed", "failed")),)

    id: Mapped[UuidPk]
    session_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("scraping_sessions.id", ondelete="CASCADE"), unique=True)
    total_scraped: Mapped[Count]
    stored_properties: Mapped[Count]
    new_properties: Mapped[Count]
    """New in the manifest for a manifest session, new in live for a detail session."""
    updated_properties: Mapped[Count]
    unchanged_properties: Mapped[Count]
    outdated_properties: Mapped[Count]
    removed_properties: Mapped[Count]
    rejected_properties: Mapped[Count]
    price_changes: Mapped[Count]
    queued_properties: Mapped[Count]
    held_values: Mapped[Count]
    data_quality_score: Mapped[Share | None]
    """Mean completeness of the items that were stored."""
    completeness_rate: Mapped[Share | None]
    """Stored over scraped."""
    quality_sum: Mapped[float] = mapped_column(server_default=text("0"))
    filled: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    """Detail pages, and how many of them had each of the fields of sync.coverage."""
    sync_duration_ms: Mapped[int | None] = mapped_column(BigInteger)
    staging_to_live_duration_ms: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    sync_status: Mapped[str] = mapped_column(server_default="running")
    error_summary: Mapped[str | None]
    created_at: Mapped[Now]
    completed_at: Mapped[Moment | None]
