"""Every .sql file is valid against the migrated schema, and names what it does and takes."""

import re
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.dialects import postgresql

from propspider.db import sql

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "propspider").glob("**/sql/*.sql"))


def package(path: Path) -> str:
    return ".".join(path.parent.parent.relative_to(ROOT).parts)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_statement_can_be_planned(path: Path, database_url: str) -> None:
    compiled = sql.statement(package(path), path.stem).compile(dialect=postgresql.dialect(paramstyle="numeric_dollar"))  # type: ignore[no-untyped-call]
    statement = str(compiled)
    nulls = ", ".join(["NULL"] * len(set(compiled.positiontup or ())))
    call = f"({nulls})" if nulls else ""
    with psycopg.connect(database_url) as connection:
        connection.execute(f"PREPARE statement AS {statement}")
        connection.execute("SET plan_cache_mode = force_generic_plan")
        plan = connection.execute(f"EXPLAIN EXECUTE statement{call}").fetchall()
    assert plan


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_statement_begins_with_a_comment_that_names_its_parameters(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    header = " ".join(line.removeprefix("--").strip() for line in text.splitlines() if line.startswith("--"))
    assert text.startswith("-- ")
    body = re.sub(r"--.*", "", text)
    used = set(re.findall(r"(?<![:\w]):([a-z_0-9]+)", body))
    missing = {name for name in used if not re.search(rf"\b{name}\b", header)}
    if "Counts" not in header:
        assert missing == set()


def test_there_are_statements() -> None:
    assert len(FILES) > 20
