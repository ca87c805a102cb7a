"""A spider in a process of its own, watched through the row of its session: a bar on a terminal, plain lines elsewhere."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from propspider.commands.output import console, duration, say
from propspider.fields.text import clean_line

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from propspider.portals import Portal
    from propspider.sync.overview import Progress as Reached

POLL_SECONDS = 0.5
LINE_SECONDS = 5.0
SHUTDOWN_SECONDS = 60.0
_LOUD = frozenset({"error", "critical"})


@dataclass(frozen=True)
class Finished:
    """`session_id` is None when the spider ended before it opened one. `complaints` are its error lines, oldest first."""

    exit_code: int
    session_id: uuid.UUID | None
    complaints: list[str]


@dataclass(frozen=True)
class Crawl:
    """`environment` is the child's whole environment. `expected`: how many pages a detail crawl will find to fetch."""

    spider: str
    portal: "Portal"
    arguments: Mapping[str, str | int]
    environment: Mapping[str, str]
    expected: int = 0

    @property
    def command(self) -> list[str]:
        pairs = [part for name, value in self.arguments.items() for part in ("-a", f"{name}={value}")]
        # -P: the folder that one happens to stand in may hold a module of any name.
        return [sys.executable, "-P", "-m", "scrapy", "crawl", self.spider, *pairs]


def child_environment(**settings: str | None) -> dict[str, str]:
    """This process's environment with these variables set, or taken out by None."""
    changed = {name.upper() for name in settings} | {"SCRAPY_SETTINGS_MODULE"}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in changed}
    given = {name: value for name, value in settings.items() if value is not None}
    return {**kept, **given, "SCRAPY_SETTINGS_MODULE": "propspider.settings"}


def run(crawl: Crawl, engine: "Engine") -> Finished:
    """Waits for the crawl; an interrupt is the child's too, which closes its session before it ends."""
    from propspider.sync import overview

    with engine.connect() as connection:
        known = overview.session_ids(connection, crawl.portal.name, crawl.spider)
    with tempfile.TemporaryFile() as log, _watched(crawl.spider) as report:
        child = subprocess.Popen(crawl.command, env=crawl.environment, stdin=subprocess.DEVNULL, stderr=log)
        watch = _Watch(crawl, engine, known)
        try:
            while not _has_ended(child):
                report(watch.look(), False)
        except KeyboardInterrupt:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(SHUTDOWN_SECONDS)
            raise
        finally:
            _end(child)
        report(watch.look(), True)
        return Finished(child.returncode, watch.session_id, _complaints(log) if child.returncode else [])


class _Watch:
    def __init__(self, crawl: Crawl, engine: "Engine", known: Sequence[uuid.UUID]) -> None:
        self.session_id: uuid.UUID | None = None
        self._crawl, self._engine, self._known = crawl, engine, known

    def look(self) -> "Reached | None":
        """None before the session was opened."""
        from propspider.sync import overview

        crawl = self._crawl
        with self._engine.connect() as connection:
            if self.session_id is None:
                self.session_id = overview.started_session(connection, crawl.portal.name, crawl.spider, known=self._known)
            if self.session_id is None:
                return None
            if crawl.spider == "detail":
                return overview.detail_progress(connection, self.session_id, expected=crawl.expected)
            facts = crawl.portal.facts
            return overview.walk_progress(
                connection, self.session_id, crawl.portal.name, scopes=list(facts.scopes), page_cap=facts.page_cap
            )


def _has_ended(child: "subprocess.Popen[bytes]") -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(POLL_SECONDS)
    return child.returncode is not None


def _end(child: "subprocess.Popen[bytes]") -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(SHUTDOWN_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


Report = Callable[["Reached | None", bool], None]


@contextlib.contextmanager
def _watched(spider: str) -> Iterator[Report]:
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield _Lines(spider)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"))
    with Progress(*columns, console=screen) as progress:
        yield _Bar(progress, progress.add_task(spider, total=None, state="starting"))


class _Bar:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def __call__(self, reached: "Reached | None", is_end: bool) -> None:
        if reached is None:
            return
        total = reached.pages if is_end else reached.pages_expected
        self._progress.update(self._task, completed=reached.pages, total=total, state=told(reached, is_end=is_end))


class _Lines:
    def __init__(self, spider: str) -> None:
        self._spider, self._next = spider, time.monotonic() + LINE_SECONDS

    def __call__(self, reached: "Reached | None", is_end: bool) -> None:
        if reached is None or (not is_end and time.monotonic() < self._next):
            return
        self._next = time.monotonic() + LINE_SECONDS
        say(f"{self._spider}: {told(reached, is_end=is_end)}", stderr=True)


def told(reached: "Reached", *, is_end: bool) -> str:
    of = "" if is_end or reached.pages_expected is None else f" of {reached.pages_expected:,}"
    parts = [f"{reached.pages:,}{of} pages", f"{reached.listings:,} listings"]
    if reached.listings and reached.seconds > 0:
        parts.append(f"{reached.listings / reached.seconds:.1f} listings/s")
    if not is_end and reached.pages and reached.pages_expected is not None:
        left = max(0, reached.pages_expected - reached.pages) * reached.seconds / reached.pages
        parts.append(f"{duration(left)} left")
    return ", ".join(parts)


def _complaints(log: IO[bytes]) -> list[str]:
    log.seek(0)
    told = (_complaint(line.decode("utf-8", "replace")) for line in log)
    return list(dict.fromkeys(line for line in told if line))


def _complaint(line: str) -> str | None:
    """The child writes JSON lines, since its stderr is no terminal, and plain ones before and after its log."""
    try:
        event = json.loads(line)
    except ValueError:
        return clean_line(line)
    if not isinstance(event, dict) or event.get("level") not in _LOUD:
        return None
    reason = event.get("reason") or event.get("exception")
    told = clean_line(str(event.get("event"))) or ""
    return f"{told}: {str(reason).strip().splitlines()[-1]}" if reason else told
