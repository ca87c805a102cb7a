"""Runs the measurements, prints them and writes build/bench.json. A target that is missed is no failure: the exit code is 0."""

import argparse
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Any

import psycopg
from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from benchmarks import browsers, cards, claims, duplicates, laboratory, promotion, queues, seeds, spiders
from benchmarks.ground import Ground, cpu_count, ground
from benchmarks.rows import Row, keep, show
from propspider.db import embedded

GROUPS = {
    "spiders": spiders.rows,
    "manifest": cards.rows,
    "promotion": promotion.rows,
    "duplicates": duplicates.rows,
    "queue": queues.rows,
    "claims": claims.rows,
    "seeds": seeds.rows,
    "browser": browsers.rows,
    "laboratory": laboratory.rows,
}
REPORT = Path(__file__).resolve().parents[1] / "build" / "bench.json"
VERSIONS = (
    "propspider",
    "scrapy",
    "sqlalchemy",
    "psycopg",
    "selectolax",
    "scrapy-playwright",
    "procrastinate",
    "pgqueuer",
    "asyncpg",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--large", action="store_true", help="a million listings in need, larger tables; takes much longer")
    parser.add_argument("--only", action="append", choices=list(GROUPS), help="this group; may be repeated")
    given = parser.parse_args()
    console = Console(highlight=False)
    # A pipe or a log is no reason to fold a table.
    wide = console if console.is_terminal else Console(highlight=False, width=240)
    started = perf_counter()
    try:
        with ground(large=given.large, say=lambda line: console.print(f"… {line}", markup=False)) as here:
            rows, broken = _measured(here, given.only or list(GROUPS))
            facts = environment(here)
    except KeyboardInterrupt:
        sys.exit(130)
    facts["seconds"] = round(perf_counter() - started, 1)
    keep(rows, facts, REPORT)
    console.print()
    show(rows, wide)
    console.print()
    for name, value in facts.items():
        console.print(f"{name}: {value}", markup=False, soft_wrap=True)
    _sum_up(rows, console)
    for name, reason in broken.items():
        console.print(f"{name} broke off: {reason}", style="bold red", markup=False, soft_wrap=True)
    sys.exit(bool(broken))


def _measured(here: Ground, groups: list[str]) -> tuple[list[Row], dict[str, str]]:
    """A group that breaks off, which is no miss, does not take the others along."""
    rows: list[Row] = []
    broken: dict[str, str] = {}
    for name in groups:
        try:
            rows += GROUPS[name](here)
        except (RuntimeError, SQLAlchemyError, psycopg.Error) as error:
            broken[name] = str(error)
    return rows, broken


def _sum_up(rows: list[Row], console: Console) -> None:
    counts = {verdict: sum(row.verdict == verdict for row in rows) for verdict in ("ok", "MISS", "not measured")}
    console.print(
        ", ".join(f"{count} {verdict}" for verdict, count in counts.items()) + f"; {REPORT.name} has all rounds' spread"
    )


def environment(here: Ground) -> dict[str, Any]:
    with psycopg.connect(here.server.url("postgres", embedded.SUPERUSER)) as connection:
        settings = connection.execute(
            "SELECT string_agg(name || ' ' || current_setting(name), ', ' ORDER BY name) FROM pg_settings"
            " WHERE name IN ('fsync', 'synchronous_commit', 'shared_buffers', 'full_page_writes', 'server_version')"
        ).fetchone()
    return {
        "cpus": cpu_count(),
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "postgres": settings[0] if settings else "",
        "packages": ", ".join(f"{name} {found}" for name in VERSIONS if (found := _version(name))),
        "large": here.large,
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
