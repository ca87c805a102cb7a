"""The real spiders in processes of their own, on a simulated portal that can be made to wait."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from propspider.db.postmaster import pause
from propspider.lab.pages import DETAIL_ROOTS
from propspider.lab.server import Handler, create_app
from propspider.lab.serving import serve
from propspider.lab.world import World

ROOT = Path(__file__).resolve().parents[2]
CRAWL_SECONDS = 120.0


@dataclass
class Gate:
    """Lets `free` pages of one kind pass, then holds the rest until it is opened."""

    free: int | None = None
    roots: tuple[str, ...] = ()
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)
    served: int = 0

    def hold_after(self, pages: int, roots: Iterable[str] = DETAIL_ROOTS.values()) -> None:
        self.free, self.served, self.roots = pages, 0, tuple(roots)
        self.reached.clear()
        self.opened.clear()

    async def passed(self, path: str) -> None:
        if self.free is None or not path.startswith(self.roots):
            return
        self.served += 1
        if self.served > self.free:
            self.reached.set()
            await asyncio.to_thread(self.opened.wait, CRAWL_SECONDS)


@dataclass(frozen=True)
class Portal:
    base_url: str
    world: World
    gate: Gate


@contextmanager
def simulated(listings: int) -> Iterator[Portal]:
    world, gate = World.create(listings), Gate()
    app = create_app(world, page_cap=None)

    @web.middleware
    async def wait_at_the_gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        await gate.passed(request.path)
        return await handler(request)

    app.middlewares.append(wait_at_the_gate)
    with serve(app) as base_url:
        yield Portal(base_url, world, gate)
        gate.opened.set()


class Spider:
    """`scrapy crawl`, or another `command`, from the project's root. Its log is JSON lines in `log`."""

    def __init__(
        self,
        name: str,
        portal: Portal,
        scratch: Path,
        environment: Mapping[str, str],
        *,
        delay: float = 0,
        command: Sequence[str] = (),
    ) -> None:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PROPSPIDER_", "DATABASE_"))}
        overrides = "PROPSPIDER_PORTALS__PINCALI__"
        self.log = scratch / f"{name}.{len(list(scratch.glob('*.log')))}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command or [sys.executable, "-m", "scrapy", "crawl", name],
                cwd=ROOT,
                env={
                    **kept,
                    "PROPSPIDER_ALLOW_PRIVATE": "1",
                    "PROPSPIDER_STATE_DIR": str(scratch),
                    f"{overrides}BASE_URL": portal.base_url,
                    f"{overrides}DELAY_SECONDS": str(delay),
                    f"{overrides}PAGE_CAP": "100",
                    "NO_PROXY": "*",
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def wait(self) -> int:
        try:
            return self.process.wait(CRAWL_SECONDS)
        finally:
            self.kill()

    def wait_for(self, line: str) -> None:
        for _ in range(3000):
            if line in self.said:
                return
            assert self.process.poll() is None, self.said
            pause()
        raise AssertionError(f"never said {line!r}:\n{self.said}")

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def crawl(name: str, portal: Portal, scratch: Path, environment: Mapping[str, str], *, delay: float = 0) -> str:
    """What it said; it must have succeeded."""
    spider = Spider(name, portal, scratch, environment, delay=delay)
    code = spider.wait()
    assert code == 0, spider.said
    return spider.said
