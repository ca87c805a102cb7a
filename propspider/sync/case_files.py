"""Cases and their evidence as people read them. Read only; functions take a connection."""

import uuid
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, select

from propspider.db.models import RemovalCase, RemovalEvidence
from propspider.sync import statement


@dataclass(frozen=True)
class CaseFile:
    """`sweeps`: those that opened it; `missed`: those that have missed it by now, None when it was never on a listing page.
    `weight` is the evidence added up, of which 1.50 are enough for a removal; `sync_run_id` the run that found it gone.
    """

    id: int
    portal: str
    property_id: str
    listing_status: str | None
    status: str
    outcome: str | None
    scope: str
    sweeps: int
    missed: int | None
    weight: Decimal
    last_finding: str | None
    last_asked_at: datetime | None
    opened_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    sync_run_id: uuid.UUID | None
    title: str | None
    source_url: str | None


@dataclass(frozen=True)
class Evidence:
    """One observation, as removal_evidence keeps it; `case_id` is the case it belongs to."""

    case_id: int
    observed_at: datetime
    method: str
    finding: str
    weight: Decimal
    http_status: int | None
    redirect_url: str | None
    detail: str | None
    sweep_id: int | None
    batch_id: uuid.UUID | None
    url: str | None


def case_files(
    connection: Connection,
    *,
    portal: str | None = None,
    property_id: str | None = None,
    open_only: bool = False,
    limit: int | None = None,
) -> list[CaseFile]:
    """The newest first; `open_only`: those that nothing has decided yet, waiting ones among them. `limit` None = all."""
    parameters = {"portal": portal, "property_id": property_id, "open_only": open_only, "limit": limit}
    return [CaseFile(**row) for row in connection.execute(statement("cases_list"), parameters).mappings()]


def evidence_of(connection: Connection, property_id: str) -> list[Evidence]:
    """Of all cases of a listing, the newest case first, each in the order in which it was gathered."""
    columns = RemovalEvidence.__table__.c
    found = connection.execute(
        select(*(columns[field.name] for field in fields(Evidence)))
        .join(RemovalCase, RemovalCase.id == RemovalEvidence.case_id)
        .where(RemovalCase.property_id == property_id)
        .order_by(RemovalCase.id.desc(), RemovalEvidence.id)
    )
    return [Evidence(**row) for row in found.mappings()]
