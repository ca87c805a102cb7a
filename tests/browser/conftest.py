import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from propspider.browser.executable import NoBrowser, find
from propspider.config import load
from propspider.lab.serving import serve

from .pages import Recorder, Start

PROJECT = Path(__file__).resolve().parents[2]

Scrapy = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def chromium() -> Path:
    """A test that needs a browser is only skipped where it could not be installed either."""
    try:
        return find(load())
    except NoBrowser:
        reason = "no browser: apt-get install -y chromium"
        if os.geteuid() == 0:
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture
def start() -> Iterator[Start]:
    """Serves an application until the test is over."""
    with ExitStack() as running:

        def begin(recorder: Recorder) -> str:
            recorder.base_url = running.enter_context(serve(recorder.app))
            return recorder.base_url

        yield begin


@pytest.fixture
def scrapy(state_dir: Path) -> Scrapy:
    """`scrapy crawl …` on a portal that is served at `base_url`."""

    def run(*arguments: str, base_url: str, rendering: str = "browser", **environment: str) -> "subprocess.CompletedProcess[str]":
        portal = {"BASE_URL": base_url, "DELAY_SECONDS": "0", "RENDERING": rendering}
        settings = {f"PROPSPIDER_PORTALS__PINCALI__{name}": value for name, value in portal.items()}
        return subprocess.run(
            [sys.executable, "-m", "scrapy", "crawl", *arguments],
            cwd=PROJECT,
            env={**os.environ, "PROPSPIDER_ALLOW_PRIVATE": "1", "NO_PROXY": "*", **settings, **environment},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    return run
