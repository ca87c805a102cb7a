"""Walks of scopes: kept page by page, taken up where they were cut off, judged when they end. The caller commits."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, insert

from propspider.db.models import SweepPage
from propspider.items import CrawlError, Division, ErrorType, ManifestPage, Operation, Part, PropertyType
from propspider.sync import alerts, statement
from propspider.sync.runs import SessionRef
from propspider.sync.verdict import Bounds, Judged, PartFacts, SweepFacts, Verdict, judge

RESUME_WITHIN = "30 minutes"
DROP_SHARE = 0.05
"""A complete sweep that holds so much less than the one before it is worth an alert."""

_OF_A_CARD = frozenset({ErrorType.CARD, ErrorType.STORE, ErrorType.PAGE_GATE, ErrorType.FILTER_IGNORED})


@dataclass(frozen=True)
class JudgedSweep:
    id: int
    scope: str
    judged: Judged


@dataclass
class WalkedPart:
    """A part of an interrupted walk. `pages`: page number → the listings on it."""

    part: Part
    parent: str | None
    is_split: bool
    first_total: int | None
    pages: dict[int, frozenset[str]] = field(default_factory=dict)
    cards: int = 0
    """Most on one page: the portal's page size."""


Interrupted = Mapping[str, Mapping[str, WalkedPart]]
"""Scope → part name → how far it was walked."""


def record_pages(
    connection: Connection, session: SessionRef, pages: Sequence[ManifestPage], *, pages_wanted: int
) -> Mapping[str, int]:
    """Scope → sweep id; opens the sweeps, adds to their counters and keeps the pages. `pages_wanted`: 0 = all."""
    sweeps: dict[str, int] = {}
    for scope in sorted({page.scope for page in pages}):
        walked = [page for page in pages if page.scope == scope]
        whole = [page.stated_total for page in walked if not page.part.name and page.stated_total is not None]
        sweeps[scope] = connection.execute(
            statement("sweep_add"),
            {
                "portal": session.portal,
                "scope": scope,
                "session_id": session.id,
                "pages_wanted": pages_wanted,
                "fetched": len(walked),
                "cards": sum(page.cards for page in walked),
                "entries": sum(len(page.entries) for page in walked),
                "first_total": whole[0] if whole else None,
                "last_total": whole[-1] if whole else None,
                "cap_hit": any(page.cap_hit for page in walked),
                "started": min(map(observed, walked)),
            },
        ).scalar_one()
        _add_parts(connection, sweeps[scope], walked)
    rows = [
        {
            "sweep_id": sweeps[page.scope],
            "part": page.part.name,
            "page": page.page,
            "url": page.url,
            "observed_at": observed(page),
            "cards": page.cards,
            "stated_total": page.stated_total,
            "property_ids": [entry.property_id for entry in page.entries],
        }
        for page in pages
    ]
    if rows:
        connection.execute(insert(SweepPage), rows)
    return sweeps


def observed(page: ManifestPage) -> datetime:
    if page.observed_at is None:
        raise ValueError("a page that arrives says when it was fetched")
    return page.observed_at


def _add_parts(connection: Connection, sweep_id: int, pages: Sequence[ManifestPage]) -> None:
    of: dict[str, list[ManifestPage]] = defaultdict(list)
    for page in pages:
        of[page.part.name].append(page)
    chosen = [walked for _, walked in sorted(of.items())]
    totals = [[page.stated_total for page in walked if page.stated_total is not None] for walked in chosen]
    connection.execute(
        statement("sweep_part_add"),
        {
            "sweep_id": sweep_id,
            **_predicates([walked[0].part for walked in chosen]),
            "first_totals": [stated[0] if stated else None for stated in totals],
            "last_totals": [stated[-1] if stated else None for stated in totals],
            "cards": [sum(page.cards for page in walked) for walked in chosen],
            "mismatched": [sum(page.mismatched for page in walked) for walked in chosen],
            "caps": [any(page.cap_hit for page in walked) for walked in chosen],
        },
    )


def _predicates(parts: Sequence[Part]) -> dict[str, list[object]]:
    return {
        "names": [part.name for part in parts],
        "types": [part.property_type.value if part.property_type else None for part in parts],
        "places": [part.place for part in parts],
        "from_prices": [part.price_from for part in parts],
        "to_prices": [part.price_to for part in parts],
        "currencies": [part.currency for part in parts],
        "operations": [part.operation.value if part.operation else None for part in parts],
    }


def record_divisions(connection: Connection, session: SessionRef, divisions: Sequence[Division], *, pages_wanted: int) -> None:
    """The sweep knows all parts before the first of them is walked, so that one that is cut off can be taken up."""
    for division in divisions:
        connection.execute(
            statement("sweep_divide"),
            {
                "portal": session.portal,
                "scope": division.scope,
                "session_id": session.id,
                "pages_wanted": pages_wanted,
                "started": division.observed_at,
                "parent": division.part.name,
                **_predicates(division.children),
            },
        )
        if division.ignored is not None:
            alerts.raise_alert(
                connection,
                "filter_ignored",
                f"{session.portal} ignores the {division.ignored} filter of scope {division.scope}",
                portal=session.portal,
                subject=f"{division.scope}/{division.ignored}",
            )


def record_failures(connection: Connection, session: SessionRef, errors: Sequence[CrawlError], *, pages_wanted: int) -> None:
    """Counts the pages of each walk that could not be read. A page that the portal says is not there ends the walk early
    (its depth cap); one that only had a bad card was read.
    """
    for scope in sorted({error.scope for error in errors if error.scope is not None}):
        lost = [error for error in errors if error.scope == scope and error.error_type not in _OF_A_CARD]
        beyond = [error for error in lost if error.error_type is ErrorType.GONE and (error.page or 1) > 1]
        if lost:
            connection.execute(
                statement("sweep_failed"),
                {
                    "portal": session.portal,
                    "scope": scope,
                    "session_id": session.id,
                    "pages_wanted": pages_wanted,
                    "failed": len(lost) - len(beyond),
                    "cap_hit": bool(beyond),
                },
            )


def take_up(connection: Connection, session: SessionRef, scopes: Sequence[str], *, pages_wanted: int) -> Interrupted:
    """Sweeps that were cut off within RESUME_WITHIN become this session's. The session holds the leases of `scopes`."""
    parameters = {
        "portal": session.portal,
        "scopes": list(scopes),
        "session_id": session.id,
        "pages_wanted": pages_wanted,
        "within": RESUME_WITHIN,
    }
    taken = {row.id: row.scope for row in connection.execute(statement("sweep_take_up"), parameters)}
    found: dict[str, dict[str, WalkedPart]] = {scope: {} for scope in taken.values()}
    if not taken:
        return found
    for row in connection.execute(statement("sweep_parts"), {"sweep_ids": list(taken)}):
        part = Part(
            property_type=PropertyType(row.property_type) if row.property_type else None,
            place=row.place,
            price_from=None if row.price_from is None else int(row.price_from),
            price_to=None if row.price_to is None else int(row.price_to),
            currency=row.currency,
            operation=Operation(row.operation) if row.operation else None,
        )
        found[taken[row.sweep_id]][row.name] = WalkedPart(part, row.parent, row.is_split, row.first_stated_total)
    for row in connection.execute(statement("sweep_walked"), {"sweep_ids": list(taken)}):
        walked = found[taken[row.sweep_id]][row.part]
        walked.pages[row.page] = frozenset(row.property_ids)
        walked.cards = max(walked.cards, row.cards)
    return found


def bury_holders(connection: Connection, session: SessionRef, scopes: Sequence[str]) -> list[uuid.UUID]:
    """Ids of sessions that were walking these scopes when their leases were taken over: nobody heard of them since."""
    parameters = {"portal": session.portal, "scopes": list(scopes), "session_id": session.id}
    return list(connection.execute(statement("sweep_holders"), parameters).scalars())


def judge_session(
    connection: Connection, session: SessionRef, bounds: Bounds, *, blocked: bool, interrupted: str | None
) -> list[JudgedSweep]:
    """Verdicts of all sweeps of a session that is ending, stored with their reasons; alerts of what a person should know."""
    done = []
    for row in connection.execute(statement("sweep_facts"), {"session_id": session.id}).all():
        distinct = {part.part: part.distinct for part in connection.execute(statement("sweep_distinct"), {"sweep_id": row.id})}
        parts = [
            PartFacts(
                name=part.name,
                parent=part.parent,
                is_split=part.is_split,
                first_total=part.first_stated_total,
                last_total=part.last_stated_total,
                distinct=distinct.get(part.name, 0),
                cards=part.cards,
                mismatched=part.mismatched,
                cap_hit=part.cap_hit,
            )
            for part in connection.execute(statement("sweep_parts"), {"sweep_ids": [row.id]})
        ]
        facts = SweepFacts(
            pages_wanted=row.pages_wanted,
            pages_fetched=row.pages_fetched,
            pages_failed=row.pages_failed,
            cards=row.cards,
            entries=row.entries,
            distinct=distinct.get(None, 0),
            expected=row.expected,
            parts=parts,
            blocked=blocked,
            interrupted=interrupted,
        )
        judged = judge(facts, bounds)
        connection.execute(
            statement("sweep_judge"),
            {
                "sweep_id": row.id,
                "verdict": judged.verdict.value,
                "reasons": list(judged.reasons),
                "distinct": facts.distinct,
                "expected": facts.expected,
                "residual": judged.residual,
                "covers_all": judged.covers_all,
                "covered": sorted(judged.covered),
            },
        )
        _tell(connection, session.portal, row.scope, facts, judged)
        done.append(JudgedSweep(row.id, row.scope, judged))
    return done


def _tell(connection: Connection, portal: str, scope: str, facts: SweepFacts, judged: Judged) -> None:
    if judged.verdict is Verdict.VOID:
        message = f"the sweep of {portal}/{scope} is void: {'; '.join(judged.reasons)}"
        alerts.raise_alert(connection, "sweep_void", message, portal=portal, subject=scope, severity="critical")
    elif judged.verdict is Verdict.COMPLETE:
        alerts.resolve(connection, "sweep_void", portal=portal, subject=scope)
        if facts.expected and facts.distinct < (1 - DROP_SHARE) * facts.expected:
            message = f"{portal}/{scope} has {facts.distinct:,} listings, {facts.expected:,} at the complete sweep before"
            alerts.raise_alert(connection, "count_drop", message, portal=portal, subject=scope)
        else:
            alerts.resolve(connection, "count_drop", portal=portal, subject=scope)
