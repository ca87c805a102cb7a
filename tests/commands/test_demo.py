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


def test_the_demo_fills_a_database_and_a_second_run_brings_changes_and_no_duplicates(run: Run) -> None:
    first = run_demo(DATABASE_URL="postgresql://nobody@127.0.0.1:1/theirs")
    assert first.returncode == 0, first.stderr
    assert "DATABASE_URL is set" in first.stdout
    assert "day 0 of" in first.stdout
    assert "rent: complete, " in first.stdout
    assert "sale: complete, 290 of 290 listings, walked in " in first.stdout
    assert "parts: the portal shows 10 pages of one walk" in first.stdout
    assert "env -u DATABASE_URL" in first.stdout
    listings = count("SELECT count(*) FROM properties_live")
    assert listings == 540
    assert count("SELECT count(*) FROM property_changes WHERE change_type = 'updated'") == 0

    second = run_demo("--json")
    assert second.returncode == 0, second.stderr
    told = json.loads(second.stdout)
    assert told["day"] == 1
    manifest, detail = told["sessions"]
    assert min(manifest["new"], manifest["updated"], manifest["price_changes"], detail["stored"]) > 0
    assert detail["listings"] < 40
    arrived = count("SELECT count(*) FROM properties_live") - listings
    assert 0 < arrived < 20
    assert count("SELECT count(*) FROM property_changes WHERE change_type = 'created'") == listings + arrived
    assert count("SELECT count(DISTINCT source_url) FROM properties_live") == listings + arrived
    assert count("SELECT count(*) FROM property_changes WHERE field_name = 'price' AND change_reason = 'list price'") > 0
    assert count("SELECT count(*) FROM scraping_errors") == 0

    explain, status, again = told["next_commands"]
    assert again.endswith("propspider demo")
    for line in (explain, status):
        shown = subprocess.run(["/bin/sh", "-c", line], cwd=PROJECT, capture_output=True, text=True, check=False)
        assert shown.returncode == 0, shown.stderr
        assert "list price" in shown.stdout or "complete" in shown.stdout


def test_a_failed_spider_ends_the_demo_with_its_error_lines(capsys: pytest.CaptureFixture[str]) -> None:
    config = load().model_copy(update={"database": demo.DATABASE})
    with opened(config) as engine, pytest.raises(typer.Exit) as ended:
        demo._crawl(engine, "http://127.0.0.1:1", "manifest")
    assert ended.value.exit_code == 1
    told = capsys.readouterr().err
    assert "crawl failed: " in told
    assert "the manifest spider failed with exit code 1" in told
    assert " x " in told


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
