import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .loopback import Crawl, Crawled, Site, serve

SCRIPT = Path(__file__).with_name("crawl.py")


@pytest.fixture
def new_site() -> Iterator[Callable[[], Site]]:
    running: list[tuple[asyncio.AbstractEventLoop, threading.Thread]] = []

    def start() -> Site:
        site, loop, started = Site(), asyncio.new_event_loop(), threading.Event()
        thread = threading.Thread(target=serve, args=(site, loop, started), daemon=True)
        thread.start()
        assert started.wait(timeout=10), "the site did not start"
        running.append((loop, thread))
        return site

    yield start
    for loop, thread in running:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)


@pytest.fixture
def site(new_site: Callable[[], Site]) -> Site:
    return new_site()


@pytest.fixture
def crawl(tmp_path: Path) -> Crawl:
    def run(
        base: str, urls: list[str], *, env: dict[str, str] | None = None, settings: dict[str, Any] | None = None, **task: Any
    ) -> Crawled:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PROPSPIDER_", "DATABASE_"))},
            "PROPSPIDER_ALLOW_PRIVATE": "1",
            "PROPSPIDER_STATE_DIR": str(tmp_path),
            "NO_PROXY": "*",
            **(env or {}),
        }
        done = subprocess.run(
            [sys.executable, "-W", "default", str(SCRIPT)],
            input=json.dumps(
                {"base": base, "urls": urls, "settings": {"RETRY_BACKOFF_SECONDS": 0.01, **(settings or {})}, **task}
            ),
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return Crawled(**json.loads(done.stdout), log=done.stderr)

    return run
