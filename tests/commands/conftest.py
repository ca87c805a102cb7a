import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from propspider.cli import app
from tests.commands.rows import engine_on

Run = Callable[..., Result]
Report = Callable[..., Any]


@pytest.fixture
def run() -> Run:
    """`propspider …` in this process."""

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return invoke


@pytest.fixture
def report(run: Run) -> Report:
    """What a command prints with --json; it must print nothing else."""

    def read(*arguments: str) -> Any:
        result = run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return read


@pytest.fixture
def engine(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """On a database that the commands use as well."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    with engine_on(database_url) as engine:
        yield engine
