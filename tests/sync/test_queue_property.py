"""Any order of enqueue, claim, settle, release and expiry: the database against a model in a dict."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Connection, Engine

from propspider.items import Claim
from propspider.sync import queue
from propspider.sync.queue import Failure, Want
from tests.builders import PORTAL, at, listing, new_session, url_of

NUMBERS = st.integers(0, 7)
WORKERS = st.integers(0, 2)
REASONS = st.sampled_from(sorted(queue.PRIORITY))
ATTEMPTS = 3
FETCHED = at(0)


@dataclass
class Held:
    """A listing's open row as it should be; `claim` is the lease that holds."""

    attempts: int = 0
    claim: Claim | None = None
    worker: int | None = None
    backed_off: bool = False
    wanted: bool = False
    """A signal came while it was in progress: it must not end with the page that was fetched before."""


@dataclass
class Model:
    open: dict[str, Held] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    every_claim: list[tuple[Claim, int]] = field(default_factory=list)


class Queue(RuleBasedStateMachine):
    engine: Engine

    @initialize()
    def empty(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.text("TRUNCATE scrape_queue"))
        self.model = Model()
        self.sessions = [new_session(self.engine, "detail") for _ in range(3)]

    def do(self, work: Callable[[Connection], Any]) -> Any:
        with self.engine.begin() as connection:
            return work(connection)

    @rule(numbers=st.lists(NUMBERS, min_size=1, max_size=5), reason=REASONS)
    def enqueue(self, numbers: list[int], reason: queue.Reason) -> None:
        wants = [Want(listing(number), url_of(listing(number)), reason) for number in numbers]
        added = self.do(lambda connection: queue.enqueue(connection, PORTAL, wants))
        fresh = {want.property_id for want in wants} - self.model.open.keys()
        assert added == len(fresh)
        for want in wants:
            if (held := self.model.open.get(want.property_id)) is not None:
                held.wanted = held.claim is not None
        self.model.open |= {name: Held() for name in fresh}

    @rule(worker=WORKERS, batch=st.integers(1, 4))
    def claim(self, worker: int, batch: int) -> None:
        ready = {name for name, held in self.model.open.items() if held.claim is None and not held.backed_off}
        taken = self.do(
            lambda connection: queue.claim(
                connection, PORTAL, batch=batch, worker=str(worker), session_id=self.sessions[worker].id, lease_seconds=600
            )
        )
        names = [row.claim.property_id for row in taken]
        assert len(names) == len(set(names)) == min(batch, len(ready))
        assert set(names) <= ready
        for row in taken:
            held = self.model.open[row.claim.property_id]
            held.claim, held.worker = row.claim, worker
            self.model.every_claim.append((row.claim, worker))

    @precondition(lambda self: self.model.every_claim)
    @rule(data=st.data())
    def complete(self, data: st.DataObject) -> None:
        claim, _ = data.draw(st.sampled_from(self.model.every_claim))
        held = self.model.open.get(claim.property_id)
        settled = self.do(lambda connection: queue.complete(connection, [(claim, FETCHED)]))
        if held is None or held.claim != claim:
            assert settled == set()
        elif held.wanted:
            assert settled == set()
            self.model.open[claim.property_id] = Held()
        else:
            assert settled == {claim.queue_id}
            del self.model.open[claim.property_id]

    @precondition(lambda self: self.model.every_claim)
    @rule(data=st.data(), counted=st.booleans())
    def fail(self, data: st.DataObject, counted: bool) -> None:
        claim, _ = data.draw(st.sampled_from(self.model.every_claim))
        held = self.model.open.get(claim.property_id)
        settled = self.do(lambda connection: queue.fail(connection, [Failure(claim, "download: reset", counted)]))
        if held is None or held.claim != claim:
            assert settled == {}
            return
        held.attempts = 0 if held.wanted else held.attempts + counted
        held.claim = None
        held.wanted = False
        if counted and held.attempts >= ATTEMPTS:
            assert settled == {claim.queue_id: "failed"}
            del self.model.open[claim.property_id]
            self.model.dead.add(claim.property_id)
        else:
            assert settled == {claim.queue_id: "pending"}
            held.backed_off = True

    @rule(worker=WORKERS)
    def release(self, worker: int) -> None:
        mine = [held for held in self.model.open.values() if held.claim is not None and held.worker == worker]
        assert self.do(lambda connection: queue.release(connection, self.sessions[worker].id)) == len(mine)
        for held in mine:
            held.claim, held.wanted = None, False

    @rule(worker=WORKERS)
    def leases_run_out(self, worker: int) -> None:
        past = "SET lease_until = clock_timestamp() - interval '1 s' WHERE session_id = :id AND status = 'in_progress'"
        of_worker = {"id": self.sessions[worker].id}
        self.do(lambda connection: connection.execute(sa.text(f"UPDATE scrape_queue {past}"), of_worker))
        self.do(lambda connection: queue.claim(connection, PORTAL, batch=0, worker="-", session_id=None, lease_seconds=1))
        for held in self.model.open.values():
            if held.claim is not None and held.worker == worker:
                held.claim, held.wanted = None, False

    @rule()
    def back_off_ends(self) -> None:
        rested = "UPDATE scrape_queue SET not_before = now() - interval '1 s' WHERE not_before IS NOT NULL"
        self.do(lambda connection: connection.execute(sa.text(rested)))
        for held in self.model.open.values():
            held.backed_off = False

    @rule()
    def requeue(self) -> None:
        revived = self.model.dead - self.model.open.keys()
        assert self.do(lambda connection: queue.requeue(connection, PORTAL)) == len(revived)
        self.model.open |= {name: Held() for name in revived}
        # A listing may have older dead letters beside the one that was revived.
        query = sa.text("SELECT property_id FROM scrape_queue WHERE status = 'failed'")
        self.model.dead = set(self.do(lambda connection: connection.execute(query).scalars().all()))

    @invariant()
    def the_database_agrees(self) -> None:
        if not hasattr(self, "model"):
            return
        query = sa.text("SELECT * FROM scrape_queue WHERE status IN ('pending', 'in_progress')")
        found = self.do(lambda connection: connection.execute(query).all())
        assert len(found) == len({row.property_id for row in found})
        assert {row.property_id for row in found} == self.model.open.keys()
        for row in found:
            held = self.model.open[row.property_id]
            assert row.attempt_count == held.attempts
            assert (row.status == "in_progress") == (held.claim is not None)
            assert (row.wanted_at is not None) == held.wanted
            assert (row.not_before is not None and row.status == "pending") or not held.backed_off


@pytest.mark.usefixtures("engine")
def test_no_row_is_lost_or_handed_out_twice(engine: Engine) -> None:
    machine = type("QueueOnThisDatabase", (Queue,), {"engine": engine})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=[Phase.generate],
        ),
    )
