"""What is kept of how things stood, so that trends exist."""

import uuid

from sqlalchemy import Float, ForeignKey, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from propspider.db.models.base import Base, BigIdPk, Json, Moment, Now, Share

Seconds = Float(53)


class MetricSample(Base):
    """One tier run, and how its portal stood when it ended. Written once, never changed; the run itself may be deleted."""

    __tablename__ = "metric_samples"
    __table_args__ = (
        Index("uq_metric_samples_run", "sync_run_id", unique=True),
        Index("ix_metric_samples_portal", "portal", "taken_at"),
    )

    id: Mapped[BigIdPk]
    portal: Mapped[str]
    sync_run_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sync_runs.id", ondelete="SET NULL"))
    tier_level: Mapped[int | None] = mapped_column(SmallInteger)
    """Null for a full run, and for a run of no tier."""
    tier_name: Mapped[str | None]
    taken_at: Mapped[Now]
    started_at: Mapped[Moment]

    run_status: Mapped[str]
    duration_seconds: Mapped[float] = mapped_column(Seconds)
    """Until the sample was taken where the run had not ended yet."""
    pages_scanned: Mapped[int]
    properties_found: Mapped[int]
    new_properties: Mapped[int]
    changed_properties: Mapped[int]
    """Live rows that the run changed."""
    price_changes: Mapped[int]
    removed_properties: Mapped[int]
    error_count: Mapped[int]
    success_rate: Mapped[Share | None]
    """Pages that were read of those that were asked for; null when none was."""

    queue_pending: Mapped[int]
    queue_in_progress: Mapped[int]
    queue_dead_letters: Mapped[int]
    queue_completed_24h: Mapped[int]
    queue_failed_24h: Mapped[int]
    queue_by_reason: Mapped[Json]
    """Reason → {"completed": rows, "failed": rows} of the last 24 hours."""
    queue_average_wait_seconds: Mapped[float | None] = mapped_column(Seconds)
    """From queued to completed, of the last 24 hours; null when none was completed."""
    queue_oldest_wait_seconds: Mapped[float | None] = mapped_column(Seconds)

    listings_shown: Mapped[int]
    """Live rows of status active."""
    scraped_7_days: Mapped[int]
    """Of those, with a detail page read within 7 days; so the next ones, each containing the one before."""
    scraped_14_days: Mapped[int]
    scraped_30_days: Mapped[int]

    likely_removed: Mapped[int]
    confirmed_removed_7_days: Mapped[int]
    """Cases decided as removed, sold or withdrawn."""
    confirmed_removed_30_days: Mapped[int]
    reappeared_30_days: Mapped[int]
    """Of the cases confirmed within 30 days, those whose listing was seen again since: false positives, and some real returns."""
