"""Crawls as steps of a tier inside this process, in the reactor's own thread: the real spiders, many times over."""

import asyncio
import threading
import uuid
from collections.abc import Mapping
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

from scrapy import signals
from scrapy.crawler import AsyncCrawlerRunner, Crawler
from scrapy.settings import Settings
from scrapy.utils.reactor import install_reactor

from propspider.extensions.run_record import REASON_STAT
from propspider.settings import TWISTED_REACTOR
from propspider.tiers.launch import SETTINGS, Job

LOOK_SECONDS = 0.005


@dataclass
class Started:
    """`is_open`: its engine has a spider; one that is told to stop before never ends."""

    over: threading.Event = field(default_factory=threading.Event)
    crawler: Crawler | None = None
    words: str = ""
    is_open: bool = False
    is_cancelled: bool = False


class InProcessLauncher:
    """A process has one reactor, so it has one of these. `start` may be called from any thread."""

    def __init__(self, *, arguments: Mapping[str, str], settings: Mapping[str, Any]) -> None:
        """`arguments` are given to every spider, `settings` come before the project's."""
        install_reactor(TWISTED_REACTOR)
        from twisted.internet import reactor

        self._reactor: Any = reactor
        self._arguments = dict(arguments)
        project = Settings()
        project.setmodule(SETTINGS, priority="project")
        project.setdict(dict(settings), priority="cmdline")
        self._runner = AsyncCrawlerRunner(project)
        self._thread = threading.Thread(target=self._run, name="propspider-crawls", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._reactor._asyncioEventloop)
        self._reactor.run(installSignalHandlers=False)

    def close(self) -> None:
        """Crawls that still run are cut off."""
        self._reactor.callFromThread(self._reactor.stop)
        self._thread.join()

    def start(self, job: Job) -> Started:
        started = Started()
        # A context of its own: what one crawl binds to its log lines is not the next one's.
        self._reactor.callFromThread(Context().run, self._start, started, job)
        return started

    def _start(self, started: Started, job: Job) -> None:
        def opened() -> None:
            self._opened(started)

        try:
            started.crawler = self._runner.create_crawler(job.spider)
            started.crawler.signals.connect(opened, signal=signals.spider_opened, weak=False)
            task = self._runner.crawl(started.crawler, **job.all_arguments, **self._arguments)
        except BaseException as error:
            started.words = f"{type(error).__name__}: {error}"
            started.over.set()
            raise
        task.add_done_callback(lambda done: self._over(started, done))

    def _over(self, started: Started, done: "asyncio.Task[None]") -> None:
        crawler = started.crawler
        if not done.cancelled() and (error := done.exception()) is not None:
            started.words = f"{type(error).__name__}: {error}"
        elif crawler is not None and crawler.stats is not None:
            started.words = crawler.stats.get_value(REASON_STAT) or ""
        started.over.set()

    def is_running(self, started: Started) -> bool:
        return not started.over.is_set()

    def wait(self, started: Started, seconds: float) -> None:
        """Shorter than asked for: a run's time budget ends by a clock that may move by an hour in the time of a blink."""
        started.over.wait(min(seconds, LOOK_SECONDS))

    def _opened(self, started: Started) -> None:
        started.is_open = True
        if started.is_cancelled:
            self._reactor.callLater(0, self._stop, started)

    def cancel(self, started: Started) -> None:
        self._reactor.callFromThread(self._cancel, started)

    def _cancel(self, started: Started) -> None:
        if not started.is_cancelled:
            started.is_cancelled = True
            self._stop(started)

    def _stop(self, started: Started) -> None:
        if started.crawler is not None and started.is_open and not started.over.is_set():
            asyncio.ensure_future(started.crawler.stop_async())  # noqa: RUF006 - the crawl's own task waits for it

    def kill(self, started: Started) -> None:
        """A crawl of this process cannot be ended at once: it is asked to end, and waited for."""
        if not started.over.is_set():
            self.cancel(started)
            started.over.wait()

    def last_words(self, started: Started) -> str:
        return started.words

    def kill_orphans(self, run_id: uuid.UUID) -> int:
        return 0
