"""Removals beyond what is usual in a scope wait until a person approves them, once. The caller commits."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, and_, func, insert, select, update

from propspider.db.models import RemovalCase, RemovalEvidence, SyncRun
from propspider.evidence import SURE, Finding, Outcome
from propspider.sync import alerts, aliases, statement
from propspider.sync.locks import lock_listings
from propspider.sync.runs import SessionRef
from propspider.sync.statuses import set_status

WEIGHED = [*SURE, Finding.TO_SEARCH]


@dataclass(frozen=True)
class Usual:
    """A portal's own words on how many removals of a scope are believed at once: a share of its listings, and a number."""

    share: float
    at_least: int


@dataclass(frozen=True)
class Removal:
    """A case that is about to be confirmed. `observed_at`: when its page was last found gone."""

    case_id: int
    property_id: str
    scope: str
    outcome: Outcome
    observed_at: datetime


def within_the_usual(
    connection: Connection, portal: str, removals: Sequence[Removal], usual: Usual
) -> tuple[list[Removal], list[Removal]]:
    """Those that may be confirmed, and those that must wait; first come, first served."""
    if not removals:
        return [], []
    rows = connection.execute(
        statement("quarantine_room"),
        {
            "portal": portal,
            "scopes": sorted({removal.scope for removal in removals}),
            "share": usual.share,
            "at_least": usual.at_least,
        },
    )
    room = {row.scope: row.usual - row.confirmed for row in rows}
    passed: list[Removal] = []
    waiting: list[Removal] = []
    for removal in sorted(removals, key=lambda one: one.case_id):
        room[removal.scope] -= 1
        (passed if room[removal.scope] >= 0 else waiting).append(removal)
    return passed, waiting


def quarantine(connection: Connection, session: SessionRef, waiting: Sequence[Removal]) -> None:
    """Keeps what was found until the run is approved; the listings stay likely_removed, and a sighting still frees them."""
    for outcome, ids in _by_outcome(waiting).items():
        connection.execute(
            update(RemovalCase)
            .where(RemovalCase.id.in_(ids))
            .values(status="quarantined", outcome=outcome, sync_run_id=session.sync_run_id)
        )
    if not waiting:
        return
    run = session.sync_run_id
    counted = connection.execute(
        select(RemovalCase.scope, func.count().label("cases"))
        .where(RemovalCase.sync_run_id == run, RemovalCase.status == "quarantined")
        .group_by(RemovalCase.scope)
    )
    scopes = {row.scope: row.cases for row in counted}
    where = ", ".join(f"{count} in {scope}" for scope, count in sorted(scopes.items()))
    alerts.raise_alert(
        connection,
        "quarantine",
        f"more removals than usual wait for an approval: {where}; look at `propspider removals --open`,"
        f" then `propspider run approve {str(run)[:8]}`",
        portal=session.portal,
        subject=str(run),
        severity="critical",
        details={"run": str(run), "scopes": scopes, "approve": f"propspider run approve {str(run)[:8]}"},
    )


def confirm(
    connection: Connection, removals: Sequence[Removal], *, run: uuid.UUID, decided_by: str, session_id: uuid.UUID | None
) -> None:
    for outcome, ids in _by_outcome(removals).items():
        connection.execute(
            update(RemovalCase)
            .where(RemovalCase.id.in_(ids))
            .values(
                status="confirmed",
                outcome=outcome,
                decided_at=select(func.app_now()).scalar_subquery(),
                decided_by=decided_by,
                sync_run_id=run,
            )
        )
        observed = {removal.property_id: removal.observed_at for removal in removals if removal.outcome == outcome}
        set_status(connection, outcome, observed, session_id=session_id, reason=decided_by)


def approve(connection: Connection, run: uuid.UUID, *, by: Literal["operator"] = "operator") -> list[str]:
    """Confirms what the run's quarantine still holds, once; ids of the listings. What waits there later needs another word."""
    portal = connection.execute(select(SyncRun.portal).where(SyncRun.id == run)).scalar_one()
    waiting = and_(RemovalCase.sync_run_id == run, RemovalCase.status == "quarantined")
    lock_listings(connection, portal, connection.execute(select(RemovalCase.property_id).where(waiting)).scalars())
    alerts.resolve(connection, "quarantine", portal=portal, subject=str(run))
    held = connection.execute(
        select(RemovalCase.id, RemovalCase.property_id, RemovalCase.scope, RemovalCase.outcome)
        .where(waiting)
        .order_by(RemovalCase.id)
        .with_for_update()
    ).all()
    gone_at = _gone_at(connection, [case.id for case in held])
    removals = [Removal(case.id, case.property_id, case.scope, case.outcome, gone_at[case.id]) for case in held]
    if not removals:
        return []
    confirm(connection, removals, run=run, decided_by=by, session_id=None)
    now = connection.execute(select(func.app_now())).scalar_one()
    connection.execute(
        insert(RemovalEvidence),
        [{"case_id": one.case_id, "method": by, "finding": "approved", "weight": 0, "observed_at": now} for one in removals],
    )
    connection.execute(
        update(SyncRun).where(SyncRun.id == run).values(removals_confirmed=SyncRun.removals_confirmed + len(removals))
    )
    aliases.propose(connection, portal)
    return sorted(removal.property_id for removal in removals)


def _gone_at(connection: Connection, case_ids: Sequence[int]) -> dict[int, datetime]:
    rows = connection.execute(
        select(RemovalEvidence.case_id, func.max(RemovalEvidence.observed_at).label("gone_at"))
        .where(RemovalEvidence.case_id.in_(case_ids), RemovalEvidence.finding.in_(WEIGHED), RemovalEvidence.weight > 0)
        .group_by(RemovalEvidence.case_id)
    )
    return {row.case_id: row.gone_at for row in rows}


def _by_outcome(removals: Sequence[Removal]) -> Mapping[Outcome, list[int]]:
    found: dict[Outcome, list[int]] = {}
    for removal in removals:
        found.setdefault(removal.outcome, []).append(removal.case_id)
    return found
