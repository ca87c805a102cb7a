"""The living portal beside the spider that it is to keep busy. Run as a program: the pages, fetched and left unread."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from benchmarks.crawl import AT_ONCE, CrawlFailed, Task, crawl
from benchmarks.ground import Ground
from benchmarks.rows import Row, paired
from benchmarks.spiders import listing_urls

LISTINGS, PAGES, ROUNDS = 30_000, 300, 3
SECONDS_PER_REQUEST = 2 * 600_000 / LISTINGS
START = datetime(2026, 1, 15, 12, tzinfo=UTC)
TARGET = 3.0
LONGEST_PAGE = 1 << 22


def rows(ground: Ground) -> Iterator[Row]:
    from propspider.lab.life import Life
    from propspider.lab.parameters import read
    from propspider.lab.server import create_app
    from propspider.lab.serving import serve

    moment = START + timedelta(days=1)

    def spend(_: float) -> None:
        nonlocal moment
        moment += timedelta(seconds=SECONDS_PER_REQUEST)

    life = Life(read(), listings=LISTINGS, seed=1, start=START, days=10)
    app = create_app(life, now=lambda: moment, spend=spend, page_cap=None)
    pairs = []
    with serve(app) as base_url, ground.database("bench_laboratory") as url:
        task = Task(kind="manifest", base_url=base_url, pages=PAGES)
        crawl(ground, url, task)  # has every card rendered once
        for turn in range(ROUNDS):
            ground.say(f"the living portal and the manifest spider, {PAGES} pages each, round {turn + 1} of {ROUNDS}")
            pairs.append((_served(base_url), PAGES / crawl(ground, url, task).seconds))
    yield paired(
        "laboratory: living pages/s / manifest spider",
        pairs,
        target=TARGET,
        better="higher",
        measure="pages/s served",
        against="pages/s, the manifest spider on the same portal",
        note=f"{LISTINGS:,} listings, {SECONDS_PER_REQUEST:g} simulated seconds a request; a page is rendered anew as it changes",
    )


def _served(base_url: str) -> float:
    """Pages a second for a client that reads nothing of them, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=json.dumps(listing_urls(base_url, PAGES)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CrawlFailed(done.stderr.strip().splitlines()[-1])
    return PAGES / float(done.stdout)


async def _fetch(urls: list[str]) -> None:
    todo = iter(urls)
    await asyncio.gather(*(_keep_fetching(todo) for _ in range(AT_ONCE)))


async def _keep_fetching(todo: Iterator[str]) -> None:
    writer: Any = None
    for parts in map(urlsplit, todo):
        if writer is None:
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=LONGEST_PAGE)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        writer.write(f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200 "):
            raise SystemExit(f"{target}: {head.splitlines()[0].decode()}")
        await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
    if writer is not None:
        writer.close()


def main() -> None:
    urls = json.load(sys.stdin)
    started = time.perf_counter()
    asyncio.run(_fetch(urls))
    sys.stdout.write(str(time.perf_counter() - started))


if __name__ == "__main__":
    main()
