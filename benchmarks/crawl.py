"""One crawl in a process of its own, and what it cost that process: a task comes as JSON on stdin, the cost goes to stdout."""

import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from benchmarks.ground import PORTAL, Ground
from propspider.config import load

Kind = Literal["manifest", "detail", "bare"]
AT_ONCE = 16


class CrawlFailed(RuntimeError):
    """The crawl did not do what was to be measured."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """`urls` are a bare crawl's; `pages` is what the crawl must have read in the end."""

    kind: Kind
    base_url: str
    pages: int
    urls: list[str] = field(default_factory=list)
    reads: bool = True
    browser: bool = False
    delay_seconds: float = 0


@dataclass(frozen=True)
class Cost:
    """`seconds` and `cpu_seconds` (all threads) run from spider_opened until all is stored, `wall_seconds` is the process's."""

    seconds: float
    cpu_seconds: float
    wall_seconds: float


def crawl(ground: Ground, database_url: str, task: Task) -> Cost:
    """Raises CrawlFailed."""
    override = f"PROPSPIDER_PORTALS__{PORTAL.upper()}__"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PROPSPIDER_", "DATABASE_"))}
    environment |= {
        "DATABASE_URL": database_url,
        "PROPSPIDER_STATE_DIR": str(ground.root / "state"),
        "PROPSPIDER_ALLOW_PRIVATE": "1",
        "PROPSPIDER_LOG_LEVEL": "WARNING",
        f"{override}BASE_URL": task.base_url,
        f"{override}DELAY_SECONDS": str(task.delay_seconds),
        f"{override}PAGE_CAP": "100000",
        **({f"{override}RENDERING": "browser"} if task.browser else {}),
        **{name: os.environ[name] for name in ("PROPSPIDER_BROWSER", "PLAYWRIGHT_BROWSERS_PATH") if name in os.environ},
    }
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=json.dumps(asdict(task)),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    wall = time.perf_counter() - started
    if done.returncode != 0:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise CrawlFailed(lines[-1].strip() if lines else f"exit code {done.returncode}")
    cost = json.loads(done.stdout.splitlines()[-1])
    return Cost(cost["seconds"], cost["cpu_seconds"], wall)


def main() -> None:
    task = Task(**json.load(sys.stdin))
    from scrapy import signals
    from scrapy.crawler import AsyncCrawlerProcess

    process = AsyncCrawlerProcess(_settings(task))
    spider, arguments = _spider(task)
    crawler = process.create_crawler(spider)
    clocks: dict[str, tuple[float, float]] = {}

    def opened() -> None:
        clocks["opened"] = (time.perf_counter(), time.process_time())

    def stopped() -> None:
        # After spider_closed, whose handlers still write.
        clocks["stopped"] = (time.perf_counter(), time.process_time())

    crawler.signals.connect(opened, signals.spider_opened)
    crawler.signals.connect(stopped, signals.engine_stopped)
    process.crawl(crawler, **arguments)
    process.start()
    stat = {"manifest": "propspider/pages", "detail": "propspider/stored", "bare": "benchmarks/read"}[task.kind]
    read = crawler.stats.get_value(stat, 0) if crawler.stats else 0
    if read != task.pages or "stopped" not in clocks:
        raise SystemExit(f"{read} of {task.pages} pages came: {crawler.stats.get_stats() if crawler.stats else 'no statistics'}")
    (began, cpu_began), (ended, cpu_ended) = clocks["opened"], clocks["stopped"]
    sys.stdout.write("\n" + json.dumps({"seconds": ended - began, "cpu_seconds": cpu_ended - cpu_began}) + "\n")


def _settings(task: Task) -> Any:
    from scrapy.settings import Settings

    if task.kind != "bare":
        from propspider.db.engine import get_engine

        get_engine()  # as `scrapy crawl` does before it starts
        settings = Settings()
        settings.setmodule("propspider.settings")
        return settings
    values: dict[str, Any] = {
        "CONCURRENT_REQUESTS": AT_ONCE,
        "CONCURRENT_REQUESTS_PER_DOMAIN": AT_ONCE,
        "LOG_LEVEL": "WARNING",
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
    }
    return Settings(values | _browser_settings()) if task.browser else Settings(values)


def _browser_settings() -> dict[str, Any]:
    """As many pages at once, in the same browser, kept from looking names up; else scrapy-playwright as it comes."""
    from propspider.browser import crawl_settings, executable

    handler = "scrapy_playwright.handler.ScrapyPlaywrightDownloadHandler"
    arguments = [*crawl_settings.ARGUMENTS, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return {
        "DOWNLOAD_HANDLERS": {"http": handler, "https": handler},
        "CONCURRENT_REQUESTS": crawl_settings.PAGES,
        "PLAYWRIGHT_MAX_PAGES_PER_CONTEXT": crawl_settings.PAGES,
        "PLAYWRIGHT_LAUNCH_OPTIONS": {
            "executable_path": str(executable.find(load())),
            "args": arguments,
            "headless": True,
            "chromium_sandbox": not is_root,
        },
    }


def _spider(task: Task) -> tuple[Any, dict[str, Any]]:
    if task.kind == "manifest":
        from benchmarks.site import SCOPE
        from propspider.spiders.manifest import ManifestSpider

        return ManifestSpider, {"portal": PORTAL, "scope": SCOPE, "pages": str(task.pages)}
    if task.kind == "detail":
        from propspider.spiders.detail import DetailSpider

        return DetailSpider, {"portal": PORTAL, "limit": str(task.pages)}
    return _bare_spider(), {"task": task}


def _bare_spider() -> Any:
    import scrapy
    from scrapy.http import Response

    from propspider import portals
    from propspider.items import Operation
    from propspider.spiders.base import http_response

    class BareSpider(scrapy.Spider):
        """Reads pages with the same page objects, or not at all, and stores nothing."""

        name = "bare"

        def __init__(self, task: Task) -> None:
            super().__init__()
            self._task = task
            self._portal = portals.load(PORTAL).with_base(task.base_url, allow_private=True)

        async def start(self) -> AsyncIterator[scrapy.Request]:
            meta: dict[str, Any] = {}
            if self._task.browser:
                # When the other one takes a page for rendered, too.
                meta = {"playwright": True, "playwright_page_goto_kwargs": {"wait_until": "networkidle"}}
            for url in self._task.urls:
                yield scrapy.Request(url, self.parse, meta=dict(meta))

        def parse(self, response: Response) -> None:
            if self._task.reads and "/en/home/" in response.url:
                self._portal.detail_page(http_response(response))
            elif self._task.reads:
                self._portal.listing_page(http_response(response), operation=Operation.SALE)
            self.crawler.stats.inc_value("benchmarks/read")

    return BareSpider


if __name__ == "__main__":
    main()
