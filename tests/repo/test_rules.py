"""Rules of the source that no linter knows."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from propspider import portals
from propspider.db.models.views import APP_NOW

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "propspider"
MODULES = sorted(PACKAGE.glob("**/*.py"))
STATEMENTS = sorted(PACKAGE.glob("**/*.sql"))
MIGRATIONS = sorted((ROOT / "alembic").glob("**/*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def dotted(node: ast.AST) -> str:
    return ast.unparse(node) if isinstance(node, ast.Attribute | ast.Name) else ""


def calls(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield dotted(node.func)


def strings(path: Path) -> Iterator[str]:
    """String constants but docstrings."""
    prose = {
        id(node.value) for node in ast.walk(tree(path)) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def offenders(paths: list[Path], is_bad: "re.Pattern[str]", of: object = strings) -> dict[str, list[str]]:
    found = {name(path): [text for text in of(path) if is_bad.search(text)] for path in paths}  # type: ignore[operator]
    return {path: texts for path, texts in found.items() if texts}


# --- time ---

BARE_NOW = re.compile(r"(?<![_\w])now\(\)|\bcurrent_timestamp\b|\bcurrent_date\b|\blocaltimestamp\b", re.IGNORECASE)
WAITS = re.compile(
    r"^(time\.sleep|asyncio\.sleep|(datetime\.)*datetime\.(now|utcnow|today)|(datetime\.)?date\.today|time\.time)$"
)

WAITING_FOR_A_PROCESS = {
    "propspider/db/postmaster.py",  # waits for a child of its own to start or end; that is real time, never the laboratory's
    "propspider/db/embedded.py",
    "propspider/db/statedir.py",
}
"""May look at the real clock."""


def test_sql_asks_app_now() -> None:
    statements = {name(path): BARE_NOW.findall(re.sub(r"--.*", "", path.read_text())) for path in STATEMENTS}
    assert {path: found for path, found in statements.items() if found} == {}
    in_python = offenders([*MODULES, *MIGRATIONS], BARE_NOW)
    assert {path for path, texts in in_python.items() if texts != [APP_NOW]} == set()


def test_sql_functions_built_in_python_ask_app_now() -> None:
    assert offenders(MODULES, re.compile(r"(^|\.)func\.(now|current_timestamp)$"), calls) == {}


def test_only_the_clock_reads_the_time_or_waits() -> None:
    found = offenders(MODULES, WAITS, calls)
    assert found.keys() - WAITING_FOR_A_PROCESS - {"propspider/clock.py"} == set()


# --- portals ---


MAY_NAME_A_PORTAL = {
    "propspider/config.py",  # the default portal
    "propspider/commands/demo.py",  # shows the laboratory, which speaks as this portal
    "propspider/commands/explain.py",  # an example of an id in its help
}


@pytest.mark.parametrize("portal", portals.names())
def test_a_portal_is_named_in_its_own_folder_only(portal: str) -> None:
    facts = portals.load(portal).facts
    hosts = [host.removeprefix("www.") for host in (*facts.domains, *facts.sitemap_hosts)]
    mention = re.compile("|".join(map(re.escape, {portal, *hosts})), re.IGNORECASE)
    elsewhere = [
        path
        for path in [*MODULES, *STATEMENTS]
        if not path.is_relative_to(PACKAGE / "portals") and not path.is_relative_to(PACKAGE / "lab")
    ]
    in_code = offenders([path for path in elsewhere if path.suffix == ".py"], mention)
    assert in_code.keys() - MAY_NAME_A_PORTAL == set()
    assert [name(path) for path in elsewhere if path.suffix == ".sql" and mention.search(path.read_text())] == []


def test_the_default_portal_is_the_only_one_that_the_configuration_names() -> None:
    named = [text for text in strings(PACKAGE / "config.py") if text in portals.names()]
    assert len(named) == 1


# --- shape ---


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def reads_environment(path: Path) -> bool:
    asked = {dotted(node) for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
    from_os = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom) and node.module == "os"]
    imported = {alias.name for node in from_os for alias in node.names}
    return bool({"os.environ", "os.getenv", "os.environb"} & asked or {"environ", "getenv"} & imported)


def test_only_the_configuration_reads_the_environment() -> None:
    """Commands and the laboratory may hand one to a process that they start."""
    exempt = (PACKAGE / "commands", PACKAGE / "lab", PACKAGE / "config.py")
    found = [name(path) for path in MODULES if reads_environment(path) and not any(path.is_relative_to(one) for one in exempt)]
    assert found == []


FUNNELS = {"propspider/tiers/run.py"}
"""Turn whatever is raised into a row that tells it."""


def test_nothing_swallows_every_exception() -> None:
    broad = {
        name(path): ast.unparse(node.type) if node.type else "bare"
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or dotted(node.type) in {"Exception", "BaseException"})
        and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
    }
    assert broad.keys() == FUNNELS


def test_code_and_documents_do_not_tell_where_they_were_made() -> None:
    private = re.compile(r"/(work|home|Users|root)/[a-z]+/|/tmp/[a-z]+_", re.IGNORECASE)
    texts = [*MODULES, *STATEMENTS, *MIGRATIONS, *ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")]
    assert [name(path) for path in texts if private.search(path.read_text(encoding="utf-8"))] == []
