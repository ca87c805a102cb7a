"""`queue process`: the real detail spider in a process of its own, watched."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from propspider.commands.progress import child_environment
from propspider.items import ManifestEntry, ManifestPage
from propspider.lab.server import create_app
from propspider.lab.serving import serve
from propspider.lab.world import World
from tests.commands import rows
from tests.commands.conftest import Report, Run

WORLD = World.create(8)


@pytest.fixture
def queued(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The simulated portal's listings, seen and not yet fetched."""
    monkeypatch.setenv("PROPSPIDER_ALLOW_PRIVATE", "1")
    monkeypatch.setenv("PROPSPIDER_PORTALS__PINCALI__DELAY_SECONDS", "0")
    rows.walk(engine, [seen()])
    return engine


def seen() -> ManifestPage:
    return rows.page(
        [
            ManifestEntry(
                f"pincali:{listing.public_id}", f"https://www.pincali.com/en/home/{listing.slug}", offers=listing.offers
            )
            for listing in WORLD.listings
        ]
    )


@pytest.fixture
def base_url() -> Iterator[str]:
    with serve(create_app(WORLD)) as base_url:
        yield base_url


def test_the_next_listings_are_fetched_and_told_in_plain_lines(run: Run, report: Report, queued: Engine, base_url: str) -> None:
    result = run("queue", "process", "3", "--base-url", base_url)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines()[-1].startswith("detail: 3 pages, 3 listings")
    told = report("queue", "process", "1", "--base-url", base_url)
    assert (told["spider"], told["stored"], told["arguments"]["limit"]) == ("detail", 1, 1)
    found = report("queue", "stats")
    assert (found["completed_today"], found["pending_count"]) == (4, len(WORLD.listings) - 4)
    assert report("status")["portals"][0]["live"] == {"active": 4}


def test_a_failed_crawl_ends_with_its_exit_code_and_reason(run: Run, queued: Engine) -> None:
    result = run("queue", "process", "1", "--base-url", "http://127.0.0.1:1", "--portal", "pincali")
    assert result.exit_code == 1
    assert "crawl failed: " in result.stderr


def test_arguments_are_checked_before_a_process_is_started(run: Run, queued: Engine) -> None:
    result = run("queue", "process", "1", "--base-url", "nonsense")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)


def test_a_terminal_gets_a_bar(queued: Engine, base_url: str) -> None:
    leader, follower = pty.openpty()
    code = "from propspider.cli import main; main()"
    with open(leader, "rb", buffering=0) as screen:  # noqa: PTH123 a descriptor
        child = subprocess.Popen(
            [sys.executable, "-c", code, "queue", "process", "0", "--base-url", base_url],
            stderr=follower,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
        )
        os.close(follower)
        shown = b""
        try:
            while chunk := screen.read(4096):
                shown += chunk
        except OSError:  # how Linux says that the other end was closed
            pass
        assert child.wait(30) == 0
    assert f"{len(WORLD.listings)} pages, {len(WORLD.listings)} listings" in shown.decode()
    assert "\u2501".encode() in shown


def test_a_childs_environment_loses_what_is_taken_out_whatever_its_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("database_url", "postgresql://elsewhere")
    monkeypatch.setenv("SCRAPY_SETTINGS_MODULE", "someone.elses")
    given = child_environment(DATABASE_URL=None, PROPSPIDER_DATABASE="x")
    assert "database_url" not in given
    assert (given["PROPSPIDER_DATABASE"], given["SCRAPY_SETTINGS_MODULE"]) == ("x", "propspider.settings")
