"""More removals than usual wait for one explicit approval."""

import uuid

import pytest
from sqlalchemy import Engine

from propspider.sync import quarantine, runs
from propspider.sync.quarantine import Usual
from propspider.sync.runs import NoSuchRun
from tests.builders import at, column, entry, item, listing, new_session, one, page, rows, run, scalar

from .steps import flush_items, flush_pages
from .sweeps import DAY, status, suspect, sweep, verify

FEW = Usual(share=0.05, at_least=2)


def approve(engine: Engine, run_id: uuid.UUID) -> list[str]:
    with engine.begin() as connection:
        return quarantine.approve(connection, run_id)


def suspects(engine: Engine, gone: int, *, of: int = 20, complete: int = 3) -> None:
    """`gone` of so many listings were missed by the last two of `complete` sweeps."""
    everything = range(1, of + 1)
    sweep(engine, 0, sale=everything)
    flush_items(engine, *(item(number, minute=10) for number in everything))
    run(engine, "DELETE FROM scrape_queue")
    for number in range(1, complete):
        seen = everything if number < complete - 2 else range(gone + 1, of + 1)
        sweep(engine, number * DAY, sale=seen)
    suspect(engine)


def statuses(engine: Engine, count: int) -> list[str]:
    return [status(engine, number) for number in range(1, count + 1)]


@pytest.fixture
def held(engine: Engine) -> uuid.UUID:
    """Four of twenty are gone, of which two are usual."""
    suspects(engine, 4)
    session = new_session(engine, "verify")
    counts = verify(engine, dict.fromkeys(range(1, 5), "gone"), usual=FEW, session=session)
    assert counts.removals_confirmed == 2
    return session.sync_run_id


def test_what_is_beyond_the_usual_waits(engine: Engine, held: uuid.UUID) -> None:
    assert statuses(engine, 4) == ["confirmed_removed"] * 2 + ["likely_removed"] * 2
    waiting = rows(engine, "SELECT * FROM removal_cases WHERE status = 'quarantined' ORDER BY id")
    assert [(row["outcome"], row["sync_run_id"], row["decided_at"]) for row in waiting] == [("confirmed_removed", held, None)] * 2
    alert = one(engine, "SELECT * FROM alerts")
    assert (alert["kind"], alert["severity"], alert["subject"]) == ("quarantine", "critical", str(held))
    assert f"propspider run approve {str(held)[:8]}" in alert["message"]
    assert "2 in sale" in alert["message"]
    assert set(column(engine, "SELECT status FROM scrape_queue WHERE kind = 'verify'")) == {"completed"}


def test_a_share_of_the_scope_is_usual_where_it_is_more(engine: Engine) -> None:
    suspects(engine, 4)
    counts = verify(engine, dict.fromkeys(range(1, 5), "gone"), usual=Usual(share=0.25, at_least=1))
    assert counts.removals_confirmed == 4


def test_batches_of_one_interval_share_what_is_usual(engine: Engine) -> None:
    suspects(engine, 4)
    assert verify(engine, {1: "gone"}, usual=FEW).removals_confirmed == 1
    assert verify(engine, {2: "gone", 3: "gone"}, usual=FEW).removals_confirmed == 1
    assert verify(engine, {4: "sold"}, usual=FEW).removals_confirmed == 0


def test_after_eight_sweeps_the_scope_itself_says_what_is_usual(engine: Engine) -> None:
    suspects(engine, 8, of=40, complete=10)
    insert = (
        "INSERT INTO removal_cases (property_id, portal, scope, status, outcome, decided_by, decided_at)"
        " VALUES (:id, 'pincali', 'sale', 'confirmed', 'confirmed_removed', :by, :at)"
    )
    # One or two in each interval, mean 1.5 and deviation 0.5: three are usual. What a person approved is not.
    for number in range(1, 9):
        for index in range(1 + number % 2):
            run(engine, insert, id=f"pincali:OLD{number}{index}", by="verification", at=at(number * DAY - 60))
        for index in range(20):
            run(engine, insert, id=f"pincali:BULK{number}-{index}", by="operator", at=at(number * DAY - 60))
    counts = verify(engine, dict.fromkeys(range(1, 9), "gone"), usual=Usual(share=1, at_least=1), minute=12 * DAY)
    assert counts.removals_confirmed == 3


def test_approval_confirms_them_once(engine: Engine, held: uuid.UUID) -> None:
    assert approve(engine, held) == [listing(3), listing(4)]
    assert statuses(engine, 4) == ["confirmed_removed"] * 4
    cases = rows(engine, "SELECT * FROM removal_cases WHERE decided_by = 'operator'")
    assert {(row["status"], row["outcome"]) for row in cases} == {("confirmed", "confirmed_removed")}
    assert column(engine, "SELECT count(*) FROM removal_evidence WHERE method = 'operator' AND finding = 'approved'") == [2]
    assert one(engine, "SELECT * FROM alerts")["resolved_at"] is not None
    assert scalar(engine, "SELECT status_at FROM property_state WHERE property_id = :id", id=listing(3)) == at(3 * DAY)
    assert scalar(engine, "SELECT removals_confirmed FROM sync_runs WHERE id = :id", id=held) == 2
    assert approve(engine, held) == []


def test_what_was_seen_meanwhile_is_not_approved(engine: Engine, held: uuid.UUID) -> None:
    flush_pages(engine, page(entry(3, offers=None), minute=4 * DAY))
    flush_items(engine, item(4, minute=4 * DAY))
    assert statuses(engine, 4) == ["confirmed_removed"] * 2 + ["active"] * 2
    assert approve(engine, held) == []
    assert statuses(engine, 4) == ["confirmed_removed"] * 2 + ["active"] * 2


def test_approval_loosens_nothing(engine: Engine, held: uuid.UUID) -> None:
    approve(engine, held)
    sweep(engine, 3 * DAY, sale=range(12, 21))
    sweep(engine, 4 * DAY, sale=range(12, 21))
    suspect(engine)
    # Decided an hour ago: before the sweep that ended in between.
    run(engine, "UPDATE removal_cases SET decided_at = :at WHERE decided_at IS NOT NULL", at=at(2 * DAY + 60))
    counts = verify(engine, dict.fromkeys(range(5, 12), "gone"), usual=FEW, minute=5 * DAY)
    assert counts.removals_confirmed == 2


def test_a_run_is_found_by_the_beginning_of_its_id(engine: Engine, held: uuid.UUID) -> None:
    with engine.connect() as connection:
        assert runs.find_run(connection, str(held)[:13].upper()) == held
        with pytest.raises(NoSuchRun, match="no run 'zz'"):
            runs.find_run(connection, "zz")
        with pytest.raises(NoSuchRun, match="no run"):
            runs.find_run(connection, "")
    run(engine, "INSERT INTO sync_runs (id, portal) VALUES ('aaaaaaaa-0000-0000-0000-000000000001', 'pincali')")
    run(engine, "INSERT INTO sync_runs (id, portal) VALUES ('aaaaaaaa-0000-0000-0000-000000000002', 'pincali')")
    with engine.connect() as connection, pytest.raises(NoSuchRun, match="more than one run"):
        runs.find_run(connection, "aaaaaaaa")
