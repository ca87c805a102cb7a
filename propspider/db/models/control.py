"""What keeps processes out of each other's way: the queue, the pace of each host, leases, pauses; and what needs a person."""

import uuid
from decimal import Decimal
from typing import Literal, get_args

from sqlalchemy import BigInteger, CheckConstraint, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from propspider.db.models.base import Base, BigIdPk, Count, Json, Moment, Now, PropertyKey, one_of

QUEUE_STATUSES = ("pending", "in_progress", "completed", "failed", "cancelled")
QUEUE_REASONS = ("on_demand", "new_property", "relisted", "price_change", "verification", "stale_data", "random_sample")
QUEUE_KINDS = ("detail", "verify")
AlertKind = Literal[
    "block",
    "sweep_void",
    "count_drop",
    "filter_ignored",
    "quarantine",
    "controls_failed",
    "tier_overdue",
    "backlog",
    "error_rate",
    "crawl_unusual",
]


class ScrapeQueue(Base):
    """Detail pages to fetch. `claim_key` orders by priority with ageing; `failed` rows are the dead letters."""

    __tablename__ = "scrape_queue"
    __table_args__ = (
        one_of("status", QUEUE_STATUSES),
        one_of("queue_reason", QUEUE_REASONS),
        one_of("kind", QUEUE_KINDS),
        CheckConstraint("priority BETWEEN 1 AND 5", name="priority"),
        CheckConstraint("(status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL)", name="completed_at"),
        CheckConstraint("(status = 'in_progress') = (lease_until IS NOT NULL)", name="lease_until"),
        Index(
            "ix_scrape_queue_ready",
            "portal",
            "kind",
            "claim_key",
            postgresql_where=text("status = 'pending' AND not_before IS NULL"),
        ),
        # Backed-off rows stand in an index of their own: at the head of the ready one they cost every claim a walk.
        Index(
            "ix_scrape_queue_backed_off",
            "portal",
            "kind",
            "not_before",
            postgresql_where=text("status = 'pending' AND not_before IS NOT NULL"),
        ),
        Index("ix_scrape_queue_leases", "lease_until", postgresql_where=text("status = 'in_progress'")),
        Index(
            "uq_scrape_queue_open",
            "property_id",
            unique=True,
            postgresql_where=text("status IN ('pending', 'in_progress')"),
        ),
        Index("ix_scrape_queue_property", "property_id"),
        Index("ix_scrape_queue_completed", "completed_at", postgresql_where=text("completed_at IS NOT NULL")),
        {
            "postgresql_with": {
                "autovacuum_vacuum_scale_factor": "0",
                "autovacuum_vacuum_threshold": "5000",
                "autovacuum_vacuum_cost_delay": "0",
            }
        },
    )

    id: Mapped[BigIdPk]
    portal: Mapped[str]
    property_id: Mapped[str]
    source_url: Mapped[str]
    kind: Mapped[str] = mapped_column(server_default="detail")
    priority: Mapped[int] = mapped_column(SmallInteger)
    queue_reason: Mapped[str]
    queued_at: Mapped[Now]
    claim_key: Mapped[Moment]
    status: Mapped[str] = mapped_column(server_default="pending")
    not_before: Mapped[Moment | None]
    claimed_at: Mapped[Moment | None]
    claimed_by: Mapped[str | None]
    lease_no: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    lease_until: Mapped[Moment | None]
    """Real time, never the laboratory's."""
    claims: Mapped[Count]
    attempt_count: Mapped[Count]
    """Failed fetches; a killed spider adds to `claims` only."""
    max_attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("3"))
    last_error: Mapped[str | None]
    wanted_at: Mapped[Moment | None]
    """A signal that came while the row was in progress: settling re-opens it unless its page was fetched later."""
    completed_at: Mapped[Moment | None]
    session_id: Mapped[uuid.UUID | None]


class HostPacing(Base):
    """The next moment at which a host may be asked, for all processes together. Real time."""

    __tablename__ = "host_pacing"
    __table_args__ = ({"postgresql_with": {"fillfactor": "50"}},)

    host: Mapped[PropertyKey]
    next_at: Mapped[Moment]
    delay_seconds: Mapped[Decimal]
    hold_until: Mapped[Moment | None]
    """Nobody asks before: the host said so (Retry-After), or answered too busy."""
    strikes: Mapped[Count]
    """Answers of "too busy" in a row."""
    asked_at: Mapped[Moment | None]
    """When a request was last let go: one that goes late moves the turn of the next."""


class Lease(Base):
    """Who may do what, until when. Real time; a take-over bumps the fence."""

    __tablename__ = "leases"

    name: Mapped[PropertyKey]
    holder: Mapped[str]
    fence: Mapped[int] = mapped_column(BigInteger)
    beat_at: Mapped[Moment] = mapped_column(server_default=text("clock_timestamp()"))
    ttl_seconds: Mapped[int]


class PortalPause(Base):
    """A portal that nobody crawls for now; '*' is every portal. Real time."""

    __tablename__ = "portal_pauses"

    portal: Mapped[PropertyKey]
    reason: Mapped[str]
    paused_by: Mapped[str]
    """`breaker`, or who typed it."""
    paused_at: Mapped[Moment] = mapped_column(server_default=text("clock_timestamp()"))
    until: Mapped[Moment | None]
    """Null: until somebody resumes it. A breaker that has run out stays here, so that the next block lasts longer."""
    times: Mapped[int] = mapped_column(server_default=text("1"))
    """Blocks in a row."""


class Alert(Base):
    """Something that a person should know; the same again while it is open adds to `times`."""

    __tablename__ = "alerts"
    __table_args__ = (
        one_of("kind", get_args(AlertKind)),
        one_of("severity", ("info", "warning", "critical")),
        Index("uq_alerts_open", "portal", "kind", "subject", unique=True, postgresql_where=text("resolved_at IS NULL")),
    )

    id: Mapped[BigIdPk]
    portal: Mapped[str]
    """'' = of no single portal."""
    kind: Mapped[str]
    subject: Mapped[str] = mapped_column(server_default=text("''"))
    """What it is about within its kind: a scope, a run, a host."""
    severity: Mapped[str]
    message: Mapped[str]
    details: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    first_at: Mapped[Now]
    last_at: Mapped[Now]
    times: Mapped[int] = mapped_column(server_default=text("1"))
    acknowledged_at: Mapped[Moment | None]
    resolved_at: Mapped[Moment | None]
    delivered_at: Mapped[Moment | None]
    """When every configured service had last accepted it; null again when it becomes more severe."""
    accepted_by: Mapped[list[str]] = mapped_column(ARRAY(TEXT), server_default=text("'{}'"))
    """Services that have accepted it while others have not; empty once it is delivered."""
