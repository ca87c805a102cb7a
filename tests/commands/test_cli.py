"""The command line as a whole: help, errors, encodings, and its page of documentation."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import Engine

from propspider.cli import app
from tests.commands import rows
from tests.commands.conftest import Run

PROJECT = Path(__file__).resolve().parents[2]
PROGRAM = (sys.executable, "-c", "from propspider.cli import main; main()")


def propspider(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([*PROGRAM, *arguments], env={**os.environ, **environment}, capture_output=True, check=False)


def commands(found: Any = None, path: tuple[str, ...] = ("propspider",)) -> Iterator[str]:
    found = found or typer.main.get_command(app)
    for name, command in getattr(found, "commands", {}).items():
        yield from commands(command, (*path, name))
    if not hasattr(found, "commands"):
        yield " ".join(path)


def test_every_command_has_a_line_in_the_documentation() -> None:
    page = (PROJECT / "docs" / "cli.md").read_text(encoding="utf-8")
    named = list(commands())
    assert len(named) >= 18
    assert [command for command in named if f"`{command}" not in page] == []


@pytest.mark.parametrize("command", list(commands()))
def test_every_command_explains_itself(run: Run, command: str) -> None:
    result = run(*command.split()[1:], "--help")
    assert result.exit_code == 0
    assert command.removeprefix("propspider ") in result.stdout


def test_the_version_is_the_packages(run: Run) -> None:
    from importlib.metadata import version

    assert run("--version").stdout == f"propspider {version('propspider')}\n"


def test_help_starts_without_scrapy_and_sqlalchemy() -> None:
    code = "import sys, propspider.cli; print(sorted({'scrapy', 'sqlalchemy', 'aiohttp', 'web_poet'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"[]\n"


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"DATABASE_URL": "postgresql://u:hunter22@127.0.0.1:1/x"}, "database cannot be reached"),
        ({"DATABASE_URL": "postgresql+psycopg://u:hunter22@127.0.0.1:1/x"}, "database cannot be reached"),
        ({"PROPSPIDER_DATABASE": "No Such Name"}, "PROPSPIDER_DATABASE: "),
        ({"PROPSPIDER_PORTALS": "{"}, "portals"),
    ],
)
def test_a_wrong_environment_is_one_line_without_password(
    run: Run, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], told: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = run("status")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("propspider: ")
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
    assert "hunter22" not in result.stderr


def test_a_schema_that_nobody_migrated_says_what_to_type(
    run: Run, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    result = run("queue", "stats")
    assert result.exit_code == 1
    assert "run `propspider db upgrade`" in result.stderr


def test_an_unknown_portal_lists_those_there_are(run: Run, engine: Engine) -> None:
    for command in (("queue", "stats"), ("queue", "requeue"), ("queue", "cleanup"), ("manifest", "stats")):
        result = run(*command, "--portal", "nowhere")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "no portal 'nowhere'; there are: pincali" in result.stderr


def test_wrong_arguments_exit_2(run: Run) -> None:
    assert run("queue", "process", "many").exit_code == 2
    assert run("portal", "try", "pincali").exit_code == 2
    assert run("nonsense").exit_code == 2


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_of_another_encoding_gets_what_it_can_show(engine: Engine, encoding: str) -> None:
    rows.walk(engine, [rows.page([rows.entry(1, title=f"{rows.HOSTILE} ☂")])])
    shown = propspider("explain", "EB-AB0001", PYTHONIOENCODING=encoding)
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert b"[bold red]barata[/bold red]" in shown.stdout
    told = propspider("explain", "EB-AB0001", "--json", PYTHONIOENCODING=encoding)
    assert json.loads(told.stdout.decode(encoding))["card"]["listing_page_title"] == f"{rows.HOSTILE} ☂"


def test_without_a_locale_everything_still_prints(engine: Engine) -> None:
    rows.walk(engine, [rows.page([rows.entry(1, title=rows.HOSTILE)])])
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("LANG", "LC_", "PYTHONUTF8", "PYTHONIO"))}
    shown = subprocess.run([*PROGRAM, "status"], env={**bare, "PYTHONCOERCECLOCALE": "0"}, capture_output=True, check=False)
    assert (shown.returncode, shown.stderr) == (0, b"")
