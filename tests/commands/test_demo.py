"""The demo on the embedded server, as `make demo` runs it, and the db commands on the same server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import typer

from propspider.commands import demo
from propspider.commands.output import opened
from propspider.config import load
from tests.commands.conftest import Report, Run
from tests.support.scratch import scratch_directory

PROJECT = Path(__file__).resolve().parents[2]
CODE = "from propspider.cli import main; main()"


@pytest.fixture(scope="module")
def embedded() -> Iterator[Path]:
    """State directory of a server that the first demo starts; it is killed at the end."""
    with scratch_directory() as root:
        yield root / "state"


@pytest.fixture(autouse=True)
def _state(embedded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROPSPIDER_STATE_DIR", str(embedded))


def run_demo(*options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("LANG", "LC_"))}
    return subprocess.run(
        [sys.executable, "-c", CODE, "demo", *options],
        env={**bare, **environment},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )


def count(query: str) -> int:
    url = load().model_copy(update={"database": demo.DATABASE})
    with opened(url) as engine, engine.connect() as connection:
        return int(connection.exec_driver_sql(query).scalar_one())


def test_the_demo_shows_two_days_and_a_second_run_the_next_ones(run: Run) -> None:
    first = run_demo(DATABASE_URL="postgresql://nobody@127.0.0.1:1/theirs")
    assert first.returncode == 0, first.stderr
    assert "DATABASE_URL is set" in first.stdout
    assert "day 0 of a simulated Pincali" in first.stdout
    assert "sale: complete, 289 of 289 listings, walked in " in first.stdout
    assert "parts: the portal shows 10 pages of one walk" in first.stdout
    assert "removed  pincali:EB-" in first.stdout
    assert "sweep missing, sweep missing, GET gone 404" in first.stdout
    assert "env -u DATABASE_URL" in first.stdout
    assert count("SELECT count(*) FROM properties_live WHERE status = 'active'") == 540
    assert count("SELECT count(*) FROM scraping_errors") == 0

    second = run_demo("--json")
    assert second.returncode == 0, second.stderr
    told = json.loads(second.stdout)
    assert told["day"] == 1
    assert [run["tier_name"] for run in told["runs"]] == ["hot_listings", "weekly_deep", "weekly_deep"]
    assert {run["status"] for run in told["runs"]} == {"completed"}
    kinds = [news["kind"] for news in told["news"]]
    assert all(0 < kinds.count(kind) < 20 for kind in ("new", "repriced", "removed"))
    assert told["runs"][0]["new_properties"] == 0
    created = count("SELECT count(*) FROM property_changes WHERE change_type = 'created'")
    assert (
        created
        == count("SELECT count(*) FROM properties_live")
        == count("SELECT count(DISTINCT source_url) FROM properties_live")
    )
    assert count("SELECT count(*) FROM properties_live WHERE status = 'active'") == 540

    gone, repriced, status, again = told["next_commands"]
    assert again.endswith("propspider demo")
    for line, words in ((gone, "confirmed_removed"), (repriced, "list price"), (status, "complete")):
        shown = subprocess.run(["/bin/sh", "-c", line], cwd=PROJECT, capture_output=True, text=True, check=False)
        assert shown.returncode == 0, shown.stderr
        assert words in shown.stdout


def test_a_failed_run_ends_the_demo_with_its_error_lines(capsys: pytest.CaptureFixture[str]) -> None:
    config = load().model_copy(update={"database": demo.DATABASE})
    with opened(config) as engine, pytest.raises(typer.Exit) as ended:
        demo._run(engine, "http://127.0.0.1:1", "1")
    assert ended.value.exit_code == 1
    told = capsys.readouterr().err
    assert "hot_listings failed: manifest: robots_unreadable" in told
    assert " x blocked: " in told


def test_check_compares_models_and_migrations_and_leaves_nothing_behind(run: Run) -> None:
    result = run("db", "check")
    assert result.exit_code == 0, result.output
    with psycopg.connect(run("db", "url").stdout.strip()) as connection:
        assert connection.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'propspider_check_%'").fetchone() == (0,)


def test_start_prints_a_url_that_answers_and_stop_ends_it(run: Run, report: Report) -> None:
    started = run("db", "start")
    assert started.exit_code == 0, started.output
    with psycopg.connect(started.stdout.strip()) as connection:
        assert connection.execute("SELECT count(*) FROM properties_live").fetchone() == (0,)
    assert "is at revision" in run("db", "upgrade").stdout
    found = report("db", "status")
    assert (found["running"], found["reachable"]) == (True, True)
    assert run("db", "stop").stdout == "stopped\n"
    assert report("db", "status")["running"] is False
