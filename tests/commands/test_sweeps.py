"""propspider sweeps: verdicts with their reasons."""

import pytest
from sqlalchemy import Engine

from propspider.items import ManifestPage
from propspider.sync import arrivals, runs, sweeps
from propspider.sync.verdict import Bounds
from tests.commands import rows
from tests.commands.conftest import Report, Run


def swept(engine: Engine, *pages: ManifestPage, wanted: int = 0) -> None:
    session = rows.open_session(engine, "manifest")
    with engine.begin() as connection:
        arrivals.record_pages(connection, session, pages, pages_wanted=wanted)
        sweeps.judge_session(connection, session, Bounds(), blocked=False, interrupted=None)
        runs.close_session(connection, session, outcome="completed", reason="finished")


@pytest.fixture
def three(engine: Engine) -> Engine:
    swept(engine, rows.page([rows.entry(1), rows.entry(2)], total=2))
    swept(engine, rows.page([rows.entry(1)], total=2))
    swept(engine, rows.page([rows.entry(3)], scope="rent", total=80), wanted=10)
    return engine


def test_sweeps_are_told_newest_first_with_their_reasons(report: Report, three: Engine) -> None:
    found = report("sweeps")
    assert [(sweep["scope"], sweep["verdict"]) for sweep in found] == [
        ("rent", "partial"),
        ("sale", "partial"),
        ("sale", "complete"),
    ]
    assert found[1]["reasons"] == ["1 of 2 stated listings were seen (50.0%)"]
    assert (found[1]["distinct_listings"], found[1]["expected_listings"], found[1]["parts"]) == (1, 2, 0)
    assert [sweep["scope"] for sweep in report("sweeps", "--scope", "rent")] == ["rent"]
    assert len(report("sweeps", "--limit", "2")) == 2


def test_a_person_reads_why(run: Run, three: Engine) -> None:
    shown = run("sweeps", "--portal", "pincali").stdout
    assert "only the first 10 pages were wanted" in shown
    assert "1 of 2 stated listings were seen (50.0%)" in shown


def test_no_sweep_and_no_such_portal_are_told(run: Run, engine: Engine) -> None:
    assert "no sweep yet" in run("sweeps").stdout
    refused = run("sweeps", "--portal", "nowhere")
    assert refused.exit_code != 0
    assert "no portal 'nowhere'" in refused.stderr
