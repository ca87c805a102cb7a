"""One funnel for every run of a tier: whoever starts it, and however it ends, its row tells the truth."""

import os
import socket
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, Engine

from propspider import clock
from propspider.config import load
from propspider.db.transactions import ConnectionLost, in_transaction
from propspider.portals import Portal
from propspider.sync import alerts, breaker, leases, metrics, tier_runs
from propspider.sync.leases import Lease, Superseded
from propspider.sync.tier_runs import TierRun
from propspider.tiers import outcome
from propspider.tiers.launch import Launcher
from propspider.tiers.result import TierResult
from propspider.tiers.running import Cancelled, HandedBack, OutOfTime, Running, StepFailed, Stop, budget_text
from propspider.tiers.steps import STEPS
from propspider.tiers.table import Key, Step, Tier

LEAST_SUCCESS = 0.9
"""Share of 1 of the pages of a run; with less its portal is left alone for a while."""
BESIDE = frozenset({Step.VERIFY, Step.TOP_UP, Step.DETAIL})
"""Steps that walk no listing page."""
FEWEST_PAGES = 20
"""Below so many a share says nothing."""

log = structlog.get_logger(__name__)


class TierBusy(RuntimeError):
    """Another run has to be over first; the message says which."""


def run_tier(
    engine: Engine,
    portal: Portal,
    tier: Tier,
    launcher: Launcher,
    *,
    scheduled: bool = False,
    stop: Callable[[], Stop] = lambda: Stop.NO,
) -> TierResult:
    """Carries out a tier from its first step, or from the one at which a run of it was cut off. `scheduled`: it was found due,
    and counts as its schedule's run.

    Raises, before anything is done, LeaseHeld, TierBusy, PortalPaused; later Superseded, and ConnectionLost when the database
    stays away: the row is then another's to end.
    """
    lease = take_lease(engine, portal, tier)
    try:
        running = _open(engine, portal, tier, launcher, lease, scheduled, stop)
    except BaseException:
        in_transaction(engine, lambda connection: leases.release(connection, lease))
        raise
    return _carry_out(running)


def take_lease(engine: Engine, portal: Portal, tier: Tier) -> Lease:
    """Raises LeaseHeld, TierBusy, PortalPaused."""
    name, patience = leases.of_tier(portal.name, tier.level), load().patience
    holder = f"{socket.gethostname()}:{os.getpid()}, tier {tier.key}"

    def take(connection: Connection) -> Lease:
        breaker.check(connection, portal.name)
        return leases.acquire(connection, name, holder, ttl_seconds=patience.run_lease)

    lease = in_transaction(engine, take)
    if tier.level == 1 and (busy := in_transaction(engine, partial(_neighbour, portal=portal.name))):
        # Taken before it looked: a run that looks for this lease afterwards sees it.
        in_transaction(engine, lambda connection: leases.release(connection, lease))
        raise TierBusy(busy)
    return lease


def _neighbour(connection: Connection, portal: str) -> str | None:
    """Why tier 1 has to wait: another tier of the portal walks listing pages, or is about to."""
    held = leases.held(connection, [leases.of_tier(portal, None)])
    if not held:
        return None
    other = [run for run in tier_runs.unfinished(connection, portal) if run.tier_level != 1]
    if other and other[-1].metadata.get("step") in BESIDE:
        return None
    doing = f"{other[-1].tier_name} of {portal} is at its step {other[-1].metadata.get('step')}" if other else str(held[0])
    return f"{doing}: tier 1 does not run beside a walk"


def _open(
    engine: Engine, portal: Portal, tier: Tier, launcher: Launcher, lease: Lease, scheduled: bool, stop: Callable[[], Stop]
) -> Running:
    """The run that was cut off, or a new one. Raises TierBusy."""
    metadata: dict[str, Any] = {
        "scheduled_for": clock.now().isoformat() if scheduled else None,
        "steps": [step.value for step in tier.steps],
        "done": [],
        "tier": {
            "pages": tier.pages,
            "max_items": tier.max_items,
            "stale_days": None if tier.stale is None else tier.stale.total_seconds() / 86_400,
            "sample": tier.sample,
            "budget": budget_text(tier.budget),
        },
    }

    def work(connection: Connection) -> tuple[TierRun, bool]:
        leases.check(connection, lease)
        for run in tier_runs.unfinished(connection, portal.name):
            if (run.tier_level == 1) != (tier.level == 1):
                continue
            if run.tier_name == tier.name and not _is_too_old(run, tier):
                return run, True
            if scheduled and run.tier_name != tier.name:
                raise TierBusy(f"{run.tier_name} of {portal.name} was cut off and is to be taken up first")
            _give_up(connection, run, tier)
        return tier_runs.open_run(connection, portal.name, tier.level, tier.name, metadata), False

    run, is_resumed = in_transaction(engine, work)
    running = Running(
        engine=engine,
        portal=portal,
        tier=tier,
        launcher=launcher,
        lease=lease,
        run_id=run.id,
        started_at=run.started_at,
        stop=stop,
        metadata={**metadata, **run.metadata},
        failures=list(run.metadata.get("failures", [])),
        notes=list(run.metadata.get("notes", [])),
    )
    if is_resumed:
        _take_up(running)
    running.note(host=socket.gethostname())
    return running


def give_up_stale(engine: Engine, configured: Mapping[str, Mapping[Key, Tier]], *, gone: bool = False) -> list[TierRun]:
    """Ends runs of these portals that were cut off and that nobody will take up: their budget is over, or their tier is no more.
    `gone`: and those of portals that are no more configured.
    """

    def work(connection: Connection) -> list[TierRun]:
        ended = []
        for run in tier_runs.unfinished(connection):
            why = _given_up(run, configured, gone=gone)
            if why is not None and not leases.held(connection, [leases.of_tier(run.portal, run.tier_level)]):
                tier_runs.bury_crawls(connection, run.id)
                tier_runs.close(connection, run.id, "failed", why)
                ended.append(run)
        return ended

    return in_transaction(engine, work)


def _given_up(run: TierRun, configured: Mapping[str, Mapping[Key, Tier]], *, gone: bool) -> str | None:
    if run.portal not in configured:
        return f"{run.portal} is no longer configured; cut off at step {run.metadata.get('step')}" if gone else None
    tier = next((tier for tier in configured[run.portal].values() if tier.name == run.tier_name), None)
    return _died(run, tier) if tier is None or _is_too_old(run, tier) else None


def _died(run: TierRun, tier: Tier | None) -> str:
    within = f" within {budget_text(tier.budget)}" if tier is not None else ""
    return f"its runner died at step {run.metadata.get('step')}, and nobody took the run up{within}"


def _is_too_old(run: TierRun, tier: Tier) -> bool:
    return tier.budget is not None and clock.now() - run.started_at > tier.budget


def _give_up(connection: Connection, run: TierRun, tier: Tier) -> None:
    tier_runs.bury_crawls(connection, run.id)
    if run.tier_name == tier.name:
        tier_runs.close(connection, run.id, "failed", _died(run, tier))
    else:
        why = f"cut off at step {run.metadata.get('step')}; {tier.name} was started instead of going on"
        tier_runs.close(connection, run.id, "cancelled", why)


def _take_up(running: Running) -> None:
    """Orphans of the runner that died end, and a crawl that had come to its end meanwhile counts."""
    killed = running.launcher.kill_orphans(running.run_id)
    log.warning(
        "taking up a run", run=str(running.run_id), tier=running.tier.name, step=running.metadata.get("step"), orphans=killed
    )
    before = set(running.metadata.get("before", []))
    # One that could not be reached is as dead: the run's new fence refuses whatever it brings.
    running.transact(partial(tier_runs.bury_crawls, run_id=running.run_id))
    step = running.metadata.get("step")
    ended = [crawl for crawl in running.crawls() if str(crawl.id) not in before and crawl.status == "completed"]
    if step in {Step.MANIFEST, Step.VERIFY} and any(crawl.spider == step for crawl in ended):
        running.note(done=[*running.metadata["done"], step])
    running.note(taken_up=[*running.metadata.get("taken_up", []), clock.now().isoformat()])


def _carry_out(running: Running) -> TierResult:
    """The only place that turns whatever is raised into a row that tells it."""
    bound = structlog.contextvars.bind_contextvars(run=str(running.run_id)[:8], tier=running.tier.name)
    try:
        log.info("tier begins", portal=running.portal.name)
        _all_steps(running)
        result = _end(running, "failed" if running.failures else "completed", None)
    except HandedBack:
        log.info("run handed back", step=running.metadata.get("step"))
        in_transaction(running.engine, lambda connection: leases.release(connection, running.lease))
        result = in_transaction(running.engine, partial(outcome.of_run, run_id=running.run_id))
    except Cancelled as error:
        result = _end(running, "cancelled", str(error))
    except (Superseded, ConnectionLost) as error:
        log.error("run lost", reason=str(error))
        raise
    except Exception as error:
        log.exception("tier failed")
        result = _end(running, "failed", f"{type(error).__name__}: {error}")
    finally:
        structlog.contextvars.reset_contextvars(**bound)
    log.info("tier ends", status=result.status, errors=result.errors)
    return result


def _all_steps(running: Running) -> None:
    for step in running.tier.steps:
        if step in running.metadata["done"]:
            continue
        running.note(step=step, step_began=clock.now().isoformat())
        try:
            STEPS[step](running)
        except OutOfTime as error:
            if step is not Step.DETAIL:
                running.fail(f"{step}: {error}")
                return
            running.remark(f"{error}; what is left stays queued")
        except StepFailed as error:
            running.fail(f"{step}: {error}")
            if step is not Step.VERIFY:
                return
        running.note(done=[*running.metadata["done"], step])
        if _succeeds_too_rarely(running):
            return


def _succeeds_too_rarely(running: Running) -> bool:
    found = running.transact(lambda connection: tier_runs.outcomes(connection, running.run_id))
    if found.read + found.failed < FEWEST_PAGES or found.success_rate >= LEAST_SUCCESS:
        return False
    running.fail(f"only {found.success_rate:.0%} of {found.read + found.failed:,} pages could be read")
    return True


def _end(running: Running, status: tier_runs.Status, reason: str | None) -> TierResult:
    """Closes the row, lets the lease go, and leaves alone a portal that does not want us. Raises Superseded."""
    reasons = [*running.failures, *([reason] if reason else [])]

    def work(connection: Connection) -> TierResult:
        leases.check(connection, running.lease)
        tier_runs.close(connection, running.run_id, status, "; ".join(reasons) or None)
        metrics.take_sample(connection, running.portal.name, running.run_id)
        if status == "failed":
            _tell(connection, running)
        leases.release(connection, running.lease)
        return outcome.of_run(connection, running.run_id)

    return in_transaction(running.engine, work)


def _tell(connection: Connection, running: Running) -> None:
    found, name = tier_runs.outcomes(connection, running.run_id), running.portal.name
    if found.read + found.failed < FEWEST_PAGES or found.success_rate >= LEAST_SUCCESS:
        return
    message = f"only {found.success_rate:.0%} of the pages of {running.tier.name} could be read"
    details = {"run_id": str(running.run_id), "read": found.read, "failed": found.failed}
    alerts.raise_alert(connection, "error_rate", message, portal=name, severity="critical", details=details)
    if breaker.paused(connection, name) is None:
        breaker.trip(connection, name, message)
