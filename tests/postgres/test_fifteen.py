"""The oldest supported server: the database tests once more, on PostgreSQL 15."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg

from tests.postgres.servers import Server
from tests.support.cluster import URL_VARIABLE

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("tests/db", "tests/sync", "tests/repo", "tests/pipelines")
# On an idle machine they take two minutes.
SECONDS = 1200


def test_the_database_tests_pass_on_postgresql_15(fifteen_server: Server, tmp_path: Path) -> None:
    with psycopg.connect(fifteen_server.url) as connection:
        assert connection.info.server_version // 10000 == 15

    # An outer run's plugins and workers are not this one's.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_", "COVERAGE_"))}
    options = [
        "-p",
        "tests.postgres.only_database",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=",
        "-q",
        "-n",
        "2",
        f"--basetemp={tmp_path}/t",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *(folder for folder in FOLDERS if (ROOT / folder).is_dir())],
        cwd=ROOT,
        env={**environment, URL_VARIABLE: fifteen_server.url},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    passed = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
    assert passed is not None
    assert int(passed[1]) > 50, done.stdout

    with psycopg.connect(fifteen_server.url) as connection:
        left = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'test%'").fetchall()
        worked = connection.execute("SELECT sum(sessions) FROM pg_stat_database").fetchone()
    assert left == []
    assert worked is not None
    assert worked[0] > 50
