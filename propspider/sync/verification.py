"""A verified batch: evidence, decisions, and what becomes of its queue rows. All of it or, from a void batch, nothing."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select

from propspider.db.models import RemovalCase, RemovalEvidence
from propspider.db.models import VerificationBatch as BatchRow
from propspider.evidence import (
    GONE_LIKE,
    SEARCHES_APART,
    Finding,
    Outcome,
    VerificationBatch,
    VerificationItem,
    Weighed,
    decide,
    weight,
)
from propspider.items import Claim
from propspider.sync import alerts, aliases, queue, statement
from propspider.sync.cases import SightedBy, find_alive
from propspider.sync.locks import lock_listings
from propspider.sync.quarantine import Removal, Usual, confirm, quarantine, within_the_usual
from propspider.sync.runs import Counts, SessionRef

DECIDED_BY: SightedBy = "verification"
ASK_AGAIN = SEARCHES_APART + timedelta(minutes=10)


@dataclass(frozen=True)
class _Case:
    id: int
    scope: str


def record_batch(connection: Connection, session: SessionRef, batch: VerificationBatch, usual: Usual) -> Counts:
    """Stores a batch and acts on it. In a valid batch every answer is about the listing, so that one which says nothing costs an
    attempt; a void one says nothing of any listing but the one at which the portal began to refuse.
    """
    failed = [one.property_id for one in batch.controls if one.property_id is not None and not one.is_alive]
    property_ids = [item.property_id for item in batch.items]
    lock_listings(connection, session.portal, [*property_ids, *failed])
    cases = _open_cases(connection, property_ids)
    faults = batch.faults
    batch_id = _write_batch(connection, session, batch, faults)
    _write_evidence(connection, session, batch, cases, batch_id, is_void=bool(faults))
    # A control that failed is not chosen again before its page was read.
    attempted = [*(item.property_id for item in batch.items if item.looks and not _lives(item)), *failed]
    connection.execute(statement("state_attempted"), {"property_ids": attempted})
    if faults:
        _set_aside(connection, session, batch, faults)
        return Counts()
    alerts.resolve(connection, "controls_failed", portal=session.portal)
    _dismiss_the_living(connection, session, batch)
    gone = [item for item in batch.items if item.property_id in cases and item.finding in GONE_LIKE]
    outcomes = _outcomes(connection, [cases[item.property_id].id for item in gone])
    removals = [
        Removal(case.id, item.property_id, case.scope, outcome, _observed(item))
        for item in gone
        if (outcome := outcomes.get((case := cases[item.property_id]).id)) is not None
    ]
    confirmed, waiting = within_the_usual(connection, session.portal, removals, usual)
    confirm(connection, confirmed, run=session.sync_run_id, decided_by=DECIDED_BY, session_id=session.id)
    quarantine(connection, session, waiting)
    decided = {removal.property_id for removal in removals}
    _settle(connection, [i for i in batch.items if _lives(i) or i.property_id in decided or i.property_id not in cases])
    _ask_again(connection, [i for i in batch.items if not _lives(i) and i.property_id not in decided and i.property_id in cases])
    queue.cancel(connection, [removal.property_id for removal in confirmed], reason="removed")
    if confirmed:
        aliases.propose(connection, session.portal)
    return Counts(removals_confirmed=len(confirmed))


def _lives(item: VerificationItem) -> bool:
    return item.finding is Finding.ALIVE


def _observed(item: VerificationItem) -> datetime:
    return item.looks[-1].observed_at


def _open_cases(connection: Connection, property_ids: Sequence[str]) -> dict[str, _Case]:
    rows = connection.execute(
        select(RemovalCase.id, RemovalCase.property_id, RemovalCase.scope).where(
            RemovalCase.property_id.in_(property_ids), RemovalCase.status == "open"
        )
    )
    return {row.property_id: _Case(row.id, row.scope) for row in rows}


def _write_batch(connection: Connection, session: SessionRef, batch: VerificationBatch, faults: Sequence[str]) -> uuid.UUID:
    controls = [
        {
            "place": control.place,
            "property_id": control.property_id,
            "url": control.look.url,
            "finding": control.look.finding.value,
            "http_status": control.look.status,
            "redirect_url": control.look.redirect_url,
            "observed_at": control.look.observed_at.isoformat(),
        }
        for control in batch.controls
    ]
    values = {
        "portal": session.portal,
        "session_id": session.id,
        "verdict": "void" if faults else "valid",
        "reasons": list(faults),
        "controls": controls,
        "listings": len(batch.items),
    }
    made: uuid.UUID = connection.execute(insert(BatchRow).values(values).returning(BatchRow.id)).scalar_one()
    return made


def _write_evidence(
    connection: Connection,
    session: SessionRef,
    batch: VerificationBatch,
    cases: Mapping[str, _Case],
    batch_id: uuid.UUID,
    *,
    is_void: bool,
) -> None:
    rows: list[dict[str, Any]] = [
        {
            "case_id": cases[item.property_id].id,
            "method": look.method,
            "finding": look.finding.value,
            "weight": 0 if is_void else weight(look.method, look.finding),
            "http_status": look.status,
            "url": look.url,
            "redirect_url": look.redirect_url,
            "detail": look.detail,
            "batch_id": batch_id,
            "session_id": session.id,
            "observed_at": look.observed_at,
        }
        for item in batch.items
        if item.property_id in cases
        for look in item.looks
    ]
    if rows:
        connection.execute(insert(RemovalEvidence), rows)


def _set_aside(connection: Connection, session: SessionRef, batch: VerificationBatch, faults: Sequence[str]) -> None:
    failures = [
        queue.Failure(item.claim, f"batch void: {faults[0]}", counted=item.finding is Finding.BLOCKED) for item in batch.items
    ]
    queue.fail(connection, failures)
    alerts.raise_alert(
        connection,
        "controls_failed",
        f"nothing was judged of {len(batch.items)} listings: {'; '.join(faults)}",
        portal=session.portal,
        severity="critical",
        details={"faults": list(faults), "session": str(session.id)},
    )


def _dismiss_the_living(connection: Connection, session: SessionRef, batch: VerificationBatch) -> None:
    observed = {item.property_id: _observed(item) for item in batch.items if _lives(item)}
    if not observed:
        return
    find_alive(connection, observed, by=DECIDED_BY, session_id=session.id)
    # Should its page not do for live, it was there all the same: the sweeps before count no more.
    connection.execute(statement("state_found_alive"), {"property_ids": list(observed), "present": list(observed.values())})


def _outcomes(connection: Connection, case_ids: Sequence[int]) -> dict[int, Outcome]:
    rows = connection.execute(statement("case_weights"), {"case_ids": list(case_ids)})
    found = {
        row.case_id: decide(
            Weighed(
                row.sweeps,
                row.looks,
                Finding(row.sure) if row.sure is not None else None,
                row.search_batches,
                row.searches_span,
            )
        )
        for row in rows
    }
    return {case_id: outcome for case_id, outcome in found.items() if outcome is not None}


def _settle(connection: Connection, items: Sequence[VerificationItem]) -> None:
    queue.complete(connection, [(item.claim, _observed(item)) for item in items])


def _ask_again(connection: Connection, items: Sequence[VerificationItem]) -> None:
    later: dict[Claim, str] = {item.claim: str(item.finding) for item in items if item.finding in GONE_LIKE}
    queue.postpone(connection, later, wait=ASK_AGAIN)
    queue.fail(connection, [queue.Failure(item.claim, str(item.finding)) for item in items if item.claim not in later])
