"""The portal's request log beside the database: how many requests of which kind, and where each of them went."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from attrs import field, frozen
from sqlalchemy import Connection

from propspider import lab
from propspider.db import sql

KINDS = ("listing", "detail", "sitemap", "robots", "other")
_OURS = "propspider."
_NEVER_ARRIVED = frozenset(
    f"scrapy.exceptions.{name}"
    for name in ("IgnoreRequest", "DownloadConnectionRefusedError", "CannotResolveHostError", "UnsupportedURLSchemeError")
)
"""With those of our own middlewares, what is raised for requests that were not sent, or found nobody."""
_REDIRECTS = tuple(f"downloader/response_status_count/{status}" for status in (301, 302, 303, 307, 308))


class LoggedRequest(Protocol):
    """As the portal saw it. `at` is simulated; `status` is None or 0 where it gave no answer; `kind` is one of KINDS."""

    @property
    def at(self) -> datetime: ...
    @property
    def method(self) -> str: ...
    @property
    def status(self) -> int | None: ...
    @property
    def kind(self) -> str: ...


@frozen(kw_only=True)
class Traffic:
    """`by_day`: (day of the span, kind) → requests."""

    total: int
    by_kind: Mapping[str, int]
    by_day: Mapping[tuple[int, str], int]

    def of_day(self, day: int) -> int:
        return sum(count for (of, _), count in self.by_day.items() if of == day)


@frozen(kw_only=True)
class Session:
    """What a crawl counted (`answered`, `broken`, `again`; None where it ended without a word) and what the tables hold of it.

    `again`: answers that the spider made nothing of: redirects that were followed, what was asked for anew, what came too late.
    """

    spider: str
    is_running: bool
    answered: int | None
    broken: int
    robots: int
    again: int
    stored: int
    refused: int


@frozen(kw_only=True)
class RequestBooks:
    """Requests of the portal's log. They are stored (as pages, items, evidence, controls, rules), failed (an error row, a broken
    connection, an answer that was asked for again), or pending (of a session that runs). `imbalance`: what is in neither place,
    and what the database tells of and the portal never saw; `by_spider` names whose answers are not accounted for.
    """

    logged: int
    stored: int
    failed: int
    pending: int
    imbalance: int
    since: datetime
    by_spider: Mapping[str, int] = field(factory=dict)


def traffic(requests: Iterable[LoggedRequest], since: datetime, until: datetime) -> Traffic:
    day = timedelta(days=1)
    counts = Counter(((one.at - since) // day, one.kind) for one in requests if since <= one.at < until)
    by_kind = Counter[str]()
    for (_, kind), count in counts.items():
        by_kind[kind] += count
    ordered = {kind: by_kind[kind] for kind in (*KINDS, *sorted(by_kind.keys() - set(KINDS))) if kind in KINDS or by_kind[kind]}
    return Traffic(total=sum(counts.values()), by_kind=ordered, by_day=dict(sorted(counts.items())))


def request_books(
    connection: Connection, requests: Iterable[LoggedRequest], *, since: datetime, until: datetime, portal: str = lab.PORTAL
) -> RequestBooks:
    """Sessions that were under way at `since` are left out with their requests: the books begin when they had ended."""
    span = {"portal": portal, "since": since, "until": until}
    rows = connection.execute(sql.statement(lab.__name__, "session_books"), span).all()
    begin = max((row.completed_at or row.started_at for row in rows if row.started_at < since), default=since)
    sessions = [_session(row) for row in rows if row.started_at >= begin]
    logged = sum(begin <= one.at < until for one in requests)
    return balance(logged, sessions, begin)


def balance(logged: int, sessions: Sequence[Session], since: datetime) -> RequestBooks:
    """The identity: what the portal logged is what crawls counted as answered and, as far as they reached it, as broken; and the
    answers of each spider are what its tables hold. A session that says nothing accounts for what its tables hold alone.
    """
    answered = sum(_told(one) for one in sessions)
    broken = sum(one.broken for one in sessions)
    rest = logged - answered
    reached, unexplained = min(max(rest, 0), broken), max(rest - broken, 0)
    pending = unexplained if any(one.is_running for one in sessions) else 0
    by_spider = Counter[str]()
    for one in sessions:
        by_spider[one.spider] += _told(one) - one.robots - one.again - one.stored - one.refused
    return RequestBooks(
        logged=logged,
        stored=sum(one.stored + one.robots for one in sessions),
        failed=sum(one.refused + one.again for one in sessions) + reached,
        pending=pending,
        imbalance=max(-rest, 0) + unexplained - pending + sum(map(abs, by_spider.values())),
        since=since,
        by_spider={spider: count for spider, count in sorted(by_spider.items()) if count},
    )


def _told(session: Session) -> int:
    return session.stored + session.refused if session.answered is None else session.answered


def _session(row: Any) -> Session:
    stats: Mapping[str, str] = row.stats
    is_silent = row.status == "running" or (row.status == "failed" and not stats)

    def count(name: str) -> int:
        return int(float(stats.get(name, 0)))

    def counts(prefix: str) -> dict[str, int]:
        return {name.removeprefix(prefix): count(name) for name in stats if name.startswith(prefix)}

    exceptions = counts("downloader/exception_type_count/")
    broken = sum(n for name, n in exceptions.items() if not name.startswith(_OURS) and name not in _NEVER_ARRIVED)
    # Reasons of retries are statuses, such as "503 Service Unavailable", or the names of exceptions.
    again = sum(n for reason, n in counts("retry/reason_count/").items() if reason[:1].isdigit())
    again += sum(map(count, _REDIRECTS)) - row.head_redirects + count("propspider/unused_answers")
    answered, robots = count("downloader/response_count"), count("robotstxt/response_count")
    # An error of the verify spider stands beside the look that brought it.
    refused = 0 if row.spider == "verify" else row.refused + count("propspider/lost")
    match row.spider:
        case "manifest":
            # An index of the sitemap leaves nothing but the requests for its parts, and a part one item for each 5,000 URLs.
            stored = answered - robots - again - refused if row.is_sitemap else row.pages
        case "verify":
            stored = row.looks + row.controls
        case _:
            stored = row.items
    return Session(
        spider=row.spider,
        is_running=row.status == "running",
        answered=None if is_silent else answered,
        broken=broken,
        robots=robots,
        again=again,
        stored=stored,
        refused=refused,
    )
