"""The session row of a crawl: opened before the first request, beaten while it runs, closed with the truth."""

import asyncio
import os
import socket
from typing import Any, Self

import structlog
from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider
from scrapy.utils.asyncio import create_looping_call
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from propspider import alerting
from propspider.db.engine import DatabaseUnavailable, get_engine
from propspider.db.transactions import BadData, ConnectionLost, in_transaction
from propspider.sync import breaker, conditions, leases, queue, runs, sweeps
from propspider.sync.leases import Lease, LeaseHeld, Superseded
from propspider.sync.runs import Outcome, SessionRef
from propspider.sync.verdict import Bounds

OUTCOME_STAT = "propspider/outcome"
REASON_STAT = "propspider/reason"
UNUSED_STAT = "propspider/unused_answers"

log = structlog.get_logger(__name__)


class RunRecord:
    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._session: SessionRef | None = None
        self._own: tuple[Lease, ...] = ()
        self._heart: Any = None
        self._beating: asyncio.Task[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(crawler)
        crawler.signals.connect(extension.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signal=signals.spider_closed)
        return extension

    async def spider_opened(self, spider: Any) -> None:
        if not spider.stores:
            return
        try:
            self._session = spider.session = await asyncio.to_thread(self._open, spider)
        except (LeaseHeld, Superseded, breaker.PortalPaused, runs.NoSuchRun) as error:
            log.error("crawl not started", reason=str(error))
            raise CloseSpider(f"not started: {error}") from error
        except (DatabaseUnavailable, ConnectionLost) as error:
            log.error(str(error))
            raise CloseSpider("database_unavailable") from error
        structlog.contextvars.bind_contextvars(session=str(self._session.id)[:8])
        self._heart = create_looping_call(self._beat_soon)
        self._heart.start(self._crawler.settings.getfloat("HEARTBEAT_SECONDS"), now=False)

    def _open(self, spider: Any) -> SessionRef:
        return in_transaction(get_engine(), lambda connection: self._open_in(connection, spider))

    def _open_in(self, connection: Connection, spider: Any) -> SessionRef:
        breaker.check(connection, spider.portal.name)
        of_run: tuple[Lease, ...] = ()
        if spider.args.run is not None:
            level = runs.tier_level(connection, spider.args.run)
            of_run = (leases.of_run(spider.portal.name, level, spider.args.fence),)
            leases.check(connection, of_run[0])
        session = runs.open_session(
            connection,
            portal=spider.portal.name,
            spider=spider.name,
            arguments=spider.args.model_dump(mode="json", exclude_defaults=True, exclude={"run", "fence"}),
            base_url=spider.portal.base_url,
            parser_version=spider.portal.parser_version,
            sync_run_id=spider.args.run,
            queue_ceiling=spider.portal.facts.queue_ceiling,
        )
        holder = f"{socket.gethostname()}:{os.getpid()}, session {str(session.id)[:8]}"
        ttl = self._crawler.settings.getfloat("CRAWL_LEASE_SECONDS")
        self._own = tuple(leases.acquire(connection, name, holder, ttl_seconds=ttl) for name in sorted(spider.lease_names))
        spider.leases = (*of_run, *self._own)
        if spider.scopes:
            runs.bury(connection, sweeps.bury_holders(connection, session, spider.scopes))
            spider.interrupted = sweeps.take_up(connection, session, spider.scopes, pages_wanted=spider.args.pages)
        return session

    def _beat_soon(self) -> None:
        """Scrapy's looping call takes no coroutine. A beat that still waits for the database is not overtaken."""
        if self._beating is None or self._beating.done():
            self._beating = asyncio.get_running_loop().create_task(self._beat())

    async def _beat(self) -> None:
        session = self._session
        if session is None or self._crawler.engine is None:
            return

        def beat(connection: Connection) -> str | None:
            # Leases first, as every flush does.
            if not (all(leases.beat(connection, lease) for lease in self._own) and runs.beat(connection, session)):
                return "superseded"
            return "paused" if breaker.paused(connection, session.portal) else None

        try:
            ends = await asyncio.to_thread(in_transaction, get_engine(), beat)
        except (ConnectionLost, SQLAlchemyError) as error:
            log.warning("heartbeat failed", reason=str(error))
            return
        if ends is not None:
            await self._crawler.engine.close_spider_async(reason=ends)

    async def spider_closed(self, spider: Any, reason: str) -> None:
        if self._heart is not None:
            self._heart.stop()
        outcome, why = self._judge(spider, reason)
        session = self._session
        if session is not None:
            self._crawler.stats.set_value(UNUSED_STAT, spider.unused_answers)
            stats = {key: str(value) for key, value in self._crawler.stats.get_stats().items()}
            try:
                await asyncio.to_thread(self._close, spider, session, outcome, why, stats)
            except (ConnectionLost, SQLAlchemyError) as error:
                outcome, why = "failed", "database_lost"
                log.error("session could not be closed; it will be found dead", reason=str(error))
            else:
                await asyncio.to_thread(self._tell, session)
        self._crawler.stats.set_value(OUTCOME_STAT, outcome)
        self._crawler.stats.set_value(REASON_STAT, why)

    def _judge(self, spider: Any, reason: str) -> tuple[Outcome, str]:
        stats = self._crawler.stats
        if stats.get_value(runs.LOST_STAT):
            why = stats.get_value(runs.LOST_REASON_STAT)
            return ("cancelled" if why == "superseded" else "failed"), why
        if reason in {"shutdown", "cancelled", "superseded", "paused"}:
            return "cancelled", reason
        if reason != "finished" and not reason.startswith("closespider_"):
            return "failed", reason
        if spider.failure is not None:
            return "failed", spider.failure
        read = stats.get_value("propspider/pages", 0) + stats.get_value("propspider/stored", 0)
        if not read and stats.get_value("propspider/errors", 0):
            return "failed", "nothing could be read"
        return "completed", reason

    def _close(self, spider: Any, session: SessionRef, outcome: Outcome, reason: str, stats: dict[str, str]) -> None:
        def work(connection: Connection) -> None:
            queue.release(connection, session.id)
            if spider.scopes:
                sweeps.judge_session(
                    connection,
                    session,
                    Bounds(**spider.portal.facts.sweep.model_dump(exclude={"abort_share"})),
                    blocked=reason in breaker.BLOCKS,
                    interrupted=None if reason == "finished" else reason,
                )
            runs.close_session(connection, session, outcome=outcome, reason=reason, stats=stats)
            if reason in breaker.BLOCKS:
                breaker.trip(connection, session.portal, reason, session_id=session.id)
            for lease in self._own:
                leases.release(connection, lease)

        in_transaction(get_engine(), work)

    def _tell(self, session: SessionRef) -> None:
        """Apart from the closing: what fails in here leaves the session as it was closed."""
        try:
            in_transaction(get_engine(), lambda connection: conditions.look_at_session(connection, session))
        except (BadData, ConnectionLost, SQLAlchemyError) as error:
            log.warning("session not looked at", reason=str(error))
        alerting.deliver_at_the_end(get_engine())
