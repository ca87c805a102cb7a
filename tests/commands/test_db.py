"""The db commands on a DATABASE_URL; on the embedded server they are tested with the demo."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from propspider.commands.db import masked
from propspider.db import migrate
from propspider.db.revision import HEAD
from tests.commands.conftest import Report, Run


@pytest.mark.parametrize(
    ("conninfo", "shown"),
    [
        ("postgresql://me:geheim%2F@db.example:5432/x?sslmode=require", "postgresql://me:***@db.example:5432/x?sslmode=require"),
        ("postgres://:geheim@db.example/x", "postgres://:***@db.example/x"),
        (
            "postgresql://me@db.example/x?password=geheim&sslpassword=geheim",
            "postgresql://me@db.example/x?password=***&sslpassword=***",
        ),
        ("postgresql://me@/x?host=%2Ftmp", "postgresql://me@/x?host=%2Ftmp"),
        ("host=db.example user=me password='geh eim' dbname=x", "host=db.example user=me password=*** dbname=x"),
    ],
)
def test_a_password_is_masked_in_every_spelling(conninfo: str, shown: str) -> None:
    assert sorted(masked(conninfo).split()) == sorted(shown.split())


def test_the_url_shows_its_password_only_when_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:geheim@db.example/x")
    assert run("db", "url").stdout == "postgresql://me:***@db.example/x\n"
    assert run("db", "url", "--show-password").stdout == "postgresql://me:geheim@db.example/x\n"


def test_upgrade_migrates_an_empty_database_once(run: Run, empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    assert run("db", "upgrade").stdout == f"upgraded from nothing to {HEAD}\n"
    assert migrate.current(empty_database_url) == HEAD
    assert run("db", "upgrade").stdout == f"was at revision {HEAD} already\n"


def test_upgrade_prefers_the_direct_url(run: Run, empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/pooler")
    monkeypatch.setenv("DATABASE_DIRECT_URL", empty_database_url)
    assert run("db", "upgrade").exit_code == 0
    assert migrate.current(empty_database_url) == HEAD


def test_status_tells_the_revision_and_hides_the_password(
    report: Report, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    found = report("db", "status")
    assert (found["server"], found["reachable"], found["revision"]) == ("DATABASE_URL", True, HEAD)
    assert ":***@" in found["url"]


def test_status_of_a_server_that_does_not_answer_says_why(run: Run, report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:geheim@127.0.0.1:1/x")
    found = report("db", "status")
    assert found["reachable"] is False
    assert "refused" in found["reason"]
    assert "geheim" not in run("db", "status").output


def test_start_leaves_a_database_url_alone(run: Run, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    result = run("db", "start")
    assert result.exit_code == 1
    assert "DATABASE_URL is set" in result.stderr


def test_stop_without_a_server_is_no_error(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROPSPIDER_STATE_DIR", str(tmp_path / "state"))
    assert run("db", "stop").stdout == "the embedded server was not running\n"


def test_status_of_an_embedded_server_starts_none(report: Report, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROPSPIDER_STATE_DIR", str(tmp_path / "state"))
    found = report("db", "status")
    assert (found["server"], found["running"], found["pid"]) == ("embedded", False, None)
    assert not (tmp_path / "state").exists()


def test_the_shell_is_psql_with_the_password_out_of_sight(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    psql = tmp_path / "psql"
    psql.write_text('#!/bin/sh\necho "$@"; echo "$PGPASSWORD"\n')
    psql.chmod(psql.stat().st_mode | stat.S_IXUSR)
    environment = {**os.environ, "PATH": f"{tmp_path}:/usr/bin:/bin", "DATABASE_URL": "postgresql://me:geheim@db.example/x"}
    code = "from propspider.cli import main; main()"
    shown = subprocess.run(
        [sys.executable, "-c", code, "db", "shell"], env=environment, capture_output=True, check=True, text=True
    )
    arguments, password = shown.stdout.splitlines()
    assert sorted(arguments.split()) == ["dbname=x", "host=db.example", "user=me"]
    assert password == "geheim"
