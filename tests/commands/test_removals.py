"""removals, run approve, aliases, and what explain says of a case."""

import uuid

import pytest
from sqlalchemy import Engine

from tests.builders import SITE, column, entry, item, listing, new_session, page
from tests.builders import run as execute
from tests.commands.conftest import Report, Run
from tests.sync.steps import flush_items, flush_pages
from tests.sync.sweeps import DAY, USUAL, status, suspect, sweep, verify

HOSTILE = "Casa [/] [bold red]barata[/bold red]"


@pytest.fixture
def cases(engine: Engine) -> uuid.UUID:
    """Of six, 1 to 4 are suspected; 1 is removed, 2 waits for an approval, 3 could not be asked."""
    sweep(engine, 0, sale=range(1, 7))
    flush_items(engine, *(item(number, minute=10, title=HOSTILE) for number in range(1, 7)))
    execute(engine, "DELETE FROM scrape_queue")
    for day in (1, 2):
        sweep(engine, day * DAY, sale=[5, 6])
    suspect(engine)
    session = new_session(engine, "verify")
    usual = type(USUAL)(share=0.01, at_least=1)
    verify(engine, {1: "gone", 2: "sold", 3: "server_error"}, usual=usual, session=session)
    return session.sync_run_id


def test_nothing_is_said_so(run: Run, engine: Engine) -> None:
    assert "no listing was ever missing" in run("removals").stdout
    assert "no case is open" in run("removals", "--open").stdout
    assert "no listing has another URL" in run("aliases", "list").stdout


def test_cases_are_listed_with_what_was_found(run: Run, report: Report, engine: Engine, cases: uuid.UUID) -> None:
    found = {case["property_id"]: case for case in report("removals")}
    assert {case["status"] for case in found.values()} == {"open", "quarantined", "confirmed"}
    assert (
        found[listing(1)] | {"listing_status": "confirmed_removed", "weight": 1.5, "sweeps": 2, "missed": 2} == found[listing(1)]
    )
    assert (found[listing(2)]["outcome"], found[listing(2)]["last_finding"]) == ("sold", "sold")
    assert (found[listing(3)]["outcome"], found[listing(3)]["weight"]) == (None, 0.5)
    assert {case["property_id"] for case in report("removals", "--open")} == {listing(2), listing(3), listing(4)}
    assert report("removals", "--portal", "pincali", "--limit", "1")[0]["property_id"] == listing(4)
    shown = run("removals").stdout
    assert HOSTILE.split(maxsplit=1)[0] in shown
    assert f"propspider run approve {str(cases)[:8]}" in shown


def test_an_approval_is_given_once(run: Run, report: Report, engine: Engine, cases: uuid.UUID) -> None:
    assert run("run", "approve", str(cases)[:8]).stdout == f"removed {listing(2)}\n"
    assert status(engine, 2) == "sold"
    assert "nothing of run" in run("run", "approve", str(cases)).stdout
    assert report("run", "approve", str(cases)) == {"run": str(cases), "approved": []}


def test_an_unknown_run_is_one_line(run: Run, engine: Engine) -> None:
    refused = run("run", "approve", "abc")
    assert (refused.exit_code, refused.stderr) == (1, "propspider: no run 'abc'\n")


def test_a_listing_tells_its_case_and_each_piece_of_evidence(run: Run, report: Report, engine: Engine, cases: uuid.UUID) -> None:
    found = report("explain", listing(1))
    assert [case["outcome"] for case in found["cases"]] == ["confirmed_removed"]
    told = [(one["method"], one["finding"], one["weight"]) for one in found["evidence"]]
    assert told == [("sweep", "missing", 0.25)] * 2 + [("GET", "gone", 1)]
    assert all(one["sweep_id"] for one in found["evidence"][:2])
    assert found["evidence"][2]["batch_id"] is not None
    shown = run("explain", listing(1))
    assert shown.exit_code == 0
    assert "evidence" in shown.stdout
    assert "removal cases" in shown.stdout


def test_another_url_is_listed_and_explained(run: Run, report: Report, engine: Engine) -> None:
    flush_pages(engine, page(entry(1, source_url=f"{SITE}/en/home/old")))
    flush_pages(engine, page(entry(1, source_url=f"{SITE}/en/home/new"), minute=5))
    (alias,) = report("aliases", "list")
    assert (alias["kind"], alias["url"], alias["property_id"]) == ("certain", f"{SITE}/en/home/old", listing(1))
    assert report("aliases", "list", "--proposed") == []
    assert report("explain", listing(1))["aliases"] == [alias]
    assert "/en/home/old" in run("aliases", "list", "--portal", "pincali").stdout
    assert report("aliases", "reject", str(alias["id"])) == {"rejected": alias["id"]}
    refused = run("aliases", "reject", str(alias["id"]))
    assert refused.exit_code == 1
    assert "rejected before" in refused.stderr
    assert column(engine, "SELECT rejected_at IS NOT NULL FROM url_aliases") == [True]
    assert "rejected" in run("aliases", "list").stdout
