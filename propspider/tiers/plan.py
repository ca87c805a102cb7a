"""What a tier would do now. It asks for no page, and what it writes to find out its caller rolls back."""

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from propspider.portals import Portal
from propspider.sync import breaker, leases, queue, removals, tier_runs
from propspider.sync.tier_runs import ScopeSize
from propspider.tiers import steps
from propspider.tiers.table import Step, Tier


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`pages`: scope → listing pages, None where nobody knows how many there are; `queued`: reason → rows it would add;
    `details`: detail pages of what is queued then, as many as the tier may fetch. What the listing pages will bring is not in it.
    `prevented`: why it would not begin, None when it would.
    """

    portal: str
    tier: str
    name: str
    steps: list[str]
    resumes: uuid.UUID | None
    pages: dict[str, int | None]
    cases: int
    to_verify: int
    queued: dict[str, int]
    details: int
    delay_seconds: float
    prevented: str | None


def plan_run(connection: Connection, portal: Portal, tier: Tier, now: datetime) -> Plan:
    """The caller rolls back."""
    facts, name = portal.facts, portal.name
    walks, verifies = Step.MANIFEST in tier.steps, Step.VERIFY in tier.steps
    sizes = tier_runs.scope_sizes(connection, name)
    wanted = steps.pages_to_walk(tier, sizes, list(facts.scopes), facts.requests_per_day)
    cases = _open_cases(connection, portal) if verifies else 0
    to_verify = sum(queue.waiting(connection, name, "verify").values()) if verifies else 0
    before = queue.waiting(connection, name, "detail")
    steps.fill(connection, portal, tier, now, sample=True)
    after = queue.waiting(connection, name, "detail")
    pending = sum(after.values())
    interrupted = [run for run in tier_runs.unfinished(connection, name) if run.tier_name == tier.name]
    return Plan(
        portal=name,
        tier=tier.key.value,
        name=tier.name,
        steps=[step.value for step in tier.steps],
        resumes=interrupted[0].id if interrupted else None,
        pages={scope: _pages(wanted, sizes.get(scope)) for scope in facts.scopes} if walks else {},
        cases=cases,
        to_verify=to_verify,
        queued=_more(before, after),
        details=min(pending, tier.max_items or pending),
        delay_seconds=facts.delay_seconds * tier.slower,
        prevented=_prevented(connection, portal, tier),
    )


def _open_cases(connection: Connection, portal: Portal) -> int:
    """Of the sweeps so far; those that the run itself walks may open more."""
    scopes = {name: scope.operation for name, scope in portal.facts.scopes.items()}
    return removals.open_cases(connection, portal.name, min_missing=portal.facts.removal.min_missing, scopes=scopes)


def _pages(wanted: int, size: ScopeSize | None) -> int | None:
    if size is None:
        return wanted or None
    every = max(1, math.ceil(size.listings / size.page_size))
    return min(wanted, every) if wanted else every


def _more(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {reason: rows - before.get(reason, 0) for reason, rows in after.items() if rows > before.get(reason, 0)}


def _prevented(connection: Connection, portal: Portal, tier: Tier) -> str | None:
    pause = breaker.paused(connection, portal.name)
    held = leases.held(connection, [leases.of_tier(portal.name, tier.level)])
    return str(pause) if pause is not None else str(held[0]) if held else None
