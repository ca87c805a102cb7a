"""Listings that may be gone: their cases, the evidence for and against, the batches in which it was gathered, and other URLs."""

import uuid
from decimal import Decimal
from typing import Annotated

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from propspider.db.models.base import Base, BigIdPk, Json, Moment, Now, UuidPk, one_of

CASE_STATUSES = ("open", "quarantined", "confirmed", "dismissed")
CASE_OUTCOMES = ("confirmed_removed", "sold", "withdrawn", "alive")

Weight = Annotated[Decimal, mapped_column(Numeric(4, 2))]


class RemovalCase(Base):
    """One suspicion that a listing is gone, from the sweeps that missed it to its decision."""

    __tablename__ = "removal_cases"
    __table_args__ = (
        one_of("status", CASE_STATUSES),
        one_of("outcome", CASE_OUTCOMES),
        CheckConstraint("(status IN ('confirmed', 'dismissed')) = (decided_at IS NOT NULL)", name="decided_at"),
        Index("uq_removal_cases_open", "property_id", unique=True, postgresql_where=text("status IN ('open', 'quarantined')")),
        Index("ix_removal_cases_property", "property_id"),
        Index("ix_removal_cases_run", "sync_run_id", postgresql_where=text("status = 'quarantined'")),
        Index("ix_removal_cases_decided", "portal", "scope", "decided_at"),
    )

    id: Mapped[BigIdPk]
    property_id: Mapped[str]
    portal: Mapped[str]
    scope: Mapped[str]
    """Where it was seen last: whose history says how many removals are usual."""
    status: Mapped[str] = mapped_column(server_default="open")
    outcome: Mapped[str | None]
    """What was decided, or is to be decided while it waits in quarantine."""
    opened_at: Mapped[Now]
    decided_at: Mapped[Moment | None]
    decided_by: Mapped[str | None]
    """`verification`, `sighting`, `detail page`, or an operator."""
    sync_run_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sync_runs.id", ondelete="SET NULL"))
    """The run that found it gone."""


class VerificationBatch(Base):
    """Listings asked about between opening and closing controls. Nothing is judged from one that is not valid."""

    __tablename__ = "verification_batches"
    __table_args__ = (one_of("verdict", ("valid", "void")),)

    id: Mapped[UuidPk]
    portal: Mapped[str]
    session_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("scraping_sessions.id", ondelete="SET NULL"))
    verdict: Mapped[str]
    reasons: Mapped[Json] = mapped_column(server_default=text("'[]'"))
    controls: Mapped[Json] = mapped_column(server_default=text("'[]'"))
    listings: Mapped[int]
    created_at: Mapped[Now]


class RemovalEvidence(Base):
    """One observation about a case. `weight` adds up; what says nothing weighs nothing."""

    __tablename__ = "removal_evidence"
    __table_args__ = (Index("ix_removal_evidence_case", "case_id"),)

    id: Mapped[BigIdPk]
    case_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("removal_cases.id", ondelete="CASCADE"))
    method: Mapped[str]
    """`sweep`, `HEAD`, `GET`, `sighting`, `detail page`, `operator`."""
    finding: Mapped[str]
    weight: Mapped[Weight]
    http_status: Mapped[int | None]
    url: Mapped[str | None]
    redirect_url: Mapped[str | None]
    detail: Mapped[str | None]
    sweep_id: Mapped[int | None] = mapped_column(BigInteger)
    batch_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("verification_batches.id", ondelete="SET NULL"))
    session_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("scraping_sessions.id", ondelete="SET NULL"))
    observed_at: Mapped[Moment]


class UrlAlias(Base):
    """Another URL of a listing, or (proposed) the URL under which it seems to be listed anew as `other_property_id`."""

    __tablename__ = "url_aliases"
    __table_args__ = (
        one_of("kind", ("certain", "proposed")),
        CheckConstraint("(kind = 'proposed') = (other_property_id IS NOT NULL)", name="other"),
        Index("uq_url_aliases_url", "property_id", "url", unique=True),
        Index("ix_url_aliases_url", "portal", "url"),
    )

    id: Mapped[BigIdPk]
    portal: Mapped[str]
    property_id: Mapped[str]
    url: Mapped[str]
    kind: Mapped[str]
    other_property_id: Mapped[str | None]
    reason: Mapped[str]
    created_at: Mapped[Now]
    rejected_at: Mapped[Moment | None]
