"""Simulated days of the real tiers, in processes of their own as `propspider lab` starts them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from typer.testing import CliRunner

from propspider.cli import app
from propspider.config import Config
from propspider.db import embedded, migrate
from propspider.lab import database

COMMAND = [str(Path(sys.executable).parent / "propspider"), "lab"]
SMALL = ("--listings", "100", "--warm-up", "0", "--requests", "1.5")
SECONDS = 240


def environment(state_dir: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PROPSPIDER_", "DATABASE_", "TIER_"))}
    return kept | {"PROPSPIDER_STATE_DIR": str(state_dir)}


@pytest.fixture(scope="module")
def document(state_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("lab")
    files = ("--out", str(folder / "a.json"), "--html", str(folder / "a.html"))
    done = subprocess.run(
        [*COMMAND, "run", *SMALL, "--days", "1", "--name", "test_run", *files, "--json"],
        env=environment(state_dir),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "<script" in (folder / "a.html").read_text()
    found: dict[str, Any] = json.loads((folder / "a.json").read_text())
    assert json.loads(done.stdout) == found
    return found


def value(document: dict[str, Any], name: str) -> Any:
    return next(row["value"] for row in document["rows"] if row["name"] == name)


def test_the_tiers_run_by_their_calendar(document: dict[str, Any]) -> None:
    assert 4 <= value(document, "hot_listings runs") <= 6
    assert 1 <= value(document, "daily_sync runs") <= 2


def test_the_books_balance_and_nothing_is_wrong(document: dict[str, Any]) -> None:
    for name in ("ledger imbalance", "rows lost", "values overwritten wrongly", "false removals"):
        assert value(document, name) == 0, name


def test_the_database_follows_the_portal(document: dict[str, Any]) -> None:
    assert value(document, "F_core, mean") > 0.7
    assert document["scenario"]["listings"] == 100


def test_the_naive_policy_scrapes_everything_again_and_again(state_dir: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "run", *SMALL, "--days", "1", "--policy", "full", "--name", "test_full", "--json"],
        env=environment(state_dir),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert value(found, "full_sync runs") >= 1
    assert value(found, "detail requests a day") > 50
    assert all(row["name"] != "hot_listings runs" for row in found["rows"])


def test_ctrl_c_ends_every_process_and_leaves_a_database_that_can_be_used(state_dir: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "run", *SMALL, "--days", "60", "--name", "test_interrupted"],
        env=environment(state_dir),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stderr is not None
        assert "the first full scrape" in process.stderr.readline()
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) != 0
    finally:
        process.kill()
        process.communicate()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []
    config = Config(PROPSPIDER_STATE_DIR=state_dir)
    assert migrate.is_current(database.url_of(config, "propspider_lab_test_interrupted"))


def test_a_database_that_is_not_its_own_is_left_alone(state_dir: Path) -> None:
    server = embedded.ensure(state_dir)
    embedded.ensure_database(server, "propspider_lab_somebodys")
    with psycopg.connect(server.url("propspider_lab_somebodys"), autocommit=True) as connection:
        connection.execute("CREATE TABLE accounts (id int)")
    done = CliRunner().invoke(app, ["lab", "run", *SMALL, "--name", "somebodys"])
    assert done.exit_code == 1
    assert done.stderr == "propspider: database propspider_lab_somebodys is not the laboratory's: it has no lab.clock\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fault", "nope"], "no fault 'nope'"),
        (["--fault", "refused:-1"], "refused: the rate is from 0 to 1, not -1"),
        (["--policy", "guess"], "policy: "),
        (["--tier", "9.pages=3"], "--tier 9.pages=3: written as 1.pages=20"),
        (["--tier", "1.pags=3"], "tiers.1.pags: "),
        (["--name", "My run"], "name: "),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["lab", "run", *SMALL, *arguments])
    assert done.exit_code != 0
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
