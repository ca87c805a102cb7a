"""Crawls as steps of a tier inside this process, in the reactor's own thread: the real spiders, many times over."""

import asyncio
import threading
import uuid
from collections.abc import Mapping
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

from scrapy.crawler import AsyncCrawlerRunner, Crawler
from scrapy.settings import Settings
from scrapy.utils.reactor import install_reactor

from propspider.extensions.run_record import REASON_STAT
from propspider.settings import TWISTED_REACTOR
from propspider.tiers.launch import SETTINGS, Job

LOOK_SECONDS = 1.0


@dataclass
class Started:
    over: threading.Event = field(default_factory=threading.Event)
    crawler: Crawler | None = None
    words: str = ""


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
        try:
            started.crawler = self._runner.create_crawler(job.spider)
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
        """Waits a moment for the crawl's end, so that whoever asks in turns hears of it at once."""
        return not started.over.wait(LOOK_SECONDS)

    def cancel(self, started: Started) -> None:
        def stop() -> None:
            if started.crawler is not None and not started.over.is_set():
                asyncio.ensure_future(started.crawler.stop_async())  # noqa: RUF006 - the crawl's own task waits for it

        self._reactor.callFromThread(stop)

    def kill(self, started: Started) -> None:
        """A crawl of this process cannot be ended at once: it is asked to end, and waited for."""
        if not started.over.is_set():
            self.cancel(started)
            started.over.wait()

    def last_words(self, started: Started) -> str:
        return started.words

    def kill_orphans(self, run_id: uuid.UUID) -> int:
        return 0
