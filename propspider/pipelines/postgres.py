"""400: the only pipeline that writes. One transaction a flush; a queue row is settled in the one that stores its page."""

import asyncio
import gc
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Self

import attrs
import psycopg
import structlog
from scrapy.crawler import Crawler
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from propspider import clock
from propspider.db.engine import get_engine
from propspider.db.transactions import BadData, ConnectionLost, in_transaction
from propspider.evidence import VerificationBatch
from propspider.item_json import plain
from propspider.items import Claim, CrawlError, Division, ErrorType, ManifestEntry, ManifestPage, PropertyItem, SitemapPage
from propspider.sync import arrivals, leases, queue, runs, sitemap, statement, sweeps
from propspider.sync.leases import Lease, Superseded
from propspider.sync.locks import lock_listings
from propspider.sync.promote import promote
from propspider.sync.quarantine import Usual
from propspider.sync.runs import Counts, SessionRef
from propspider.sync.verification import record_batch

Storable = ManifestPage | Division | SitemapPage | PropertyItem | CrawlError | VerificationBatch

ENTRIES_PER_FLUSH = 1000
PAGES_WAIT_SECONDS = 1.0
ITEMS_WAIT_SECONDS = 5.0

_SAYS_NOTHING_OF_THE_LISTING = frozenset({ErrorType.BLOCKED, ErrorType.LOGIN, ErrorType.OTHER_LANGUAGE})
"""Failures that cost a listing no attempt."""

log = structlog.get_logger(__name__)


class PostgresPipeline:
    """Buffers until a flush is worth its commit, never longer than a second for listing pages and five for details."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._buffer: list[Storable] = []
        self._weight = 0
        self._timer: asyncio.TimerHandle | None = None
        self._due: datetime | None = None
        """When what is buffered is to be stored: the timer's moment by the clock, which a laboratory's time may pass first."""
        self._flushing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._lost = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def open_spider(self) -> None:
        # Modules, statements and settings stay as long as the process: two hundred thousand objects that each full collection
        # would look through again, a tenth of a second at a time, every hundred pages.
        gc.freeze()

    async def process_item(self, item: Any) -> Any:
        spider: Any = self._crawler.spider
        if not spider.stores or not isinstance(item, Storable) or self._lost:
            return item
        self._buffer.append(item)
        self._weight += max(1, len(item.entries)) if isinstance(item, ManifestPage) else 1
        is_due = self._due is not None and clock.now() >= self._due
        if self._weight >= ENTRIES_PER_FLUSH or is_due or isinstance(item, VerificationBatch):
            await self._flush()
        elif self._timer is None:
            wait = PAGES_WAIT_SECONDS if isinstance(item, ManifestPage) else ITEMS_WAIT_SECONDS
            self._timer = asyncio.get_running_loop().call_later(wait, self._flush_soon)
            self._due = clock.now() + timedelta(seconds=wait)
        return item

    async def close_spider(self) -> None:
        await self._flush()

    def _flush_soon(self) -> None:
        task = asyncio.get_running_loop().create_task(self._flush())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._due = None
        async with self._flushing:
            batch, self._buffer, self._weight = self._buffer, [], 0
            if not batch or self._lost:
                return
            spider: Any = self._crawler.spider
            try:
                counts = await asyncio.to_thread(_Flush(get_engine(), spider).store, batch)
            except Superseded as error:
                self._lose("superseded", str(error), len(batch))
                return
            except (ConnectionLost, BadData, SQLAlchemyError, psycopg.Error) as error:
                self._lose("database_lost", str(error), len(batch))
                return
        stats = self._crawler.stats
        for name, value in vars(counts).items():
            stats.inc_value(f"propspider/{name}", value)
        stats.inc_value("propspider/stored", counts.stored)
        stats.inc_value("propspider/flushes")

    def _lose(self, why: str, reason: str, unstored: int) -> None:
        """Queue rows of what was not acknowledged come back when their leases end. The run record reads the stats: the crawl
        may be closing already, for a reason that sounds well.
        """
        self._lost = True
        log.error(why.replace("_", " "), reason=reason, unstored=unstored)
        self._crawler.stats.inc_value(runs.LOST_STAT, unstored)
        self._crawler.stats.set_value(runs.LOST_REASON_STAT, why)
        if self._crawler.crawling:
            closing = self._crawler.engine.close_spider_async(reason=why)
            task = asyncio.get_running_loop().create_task(closing)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


class _Flush:
    """One batch into the database, in a thread of its own. A value that the server refuses is isolated by bisection."""

    def __init__(self, engine: Engine, spider: Any) -> None:
        self._engine = engine
        self._session: SessionRef = spider.session
        self._leases: Sequence[Lease] = spider.leases
        self._pages_wanted: int = getattr(spider.args, "pages", 0)
        removal = spider.portal.facts.removal
        self._usual = Usual(share=removal.quarantine_share, at_least=removal.quarantine_at_least)

    def store(self, batch: Sequence[Storable]) -> Counts:
        """Raises ConnectionLost, BadData when not even an error row can be stored, and what else the server may raise."""
        try:
            return in_transaction(self._engine, lambda connection: self._write(connection, batch))
        except BadData as error:
            if len(batch) == 1:
                return self._store_without_the_bad(batch[0], str(error))
            half = len(batch) // 2
            counts = self.store(batch[:half])
            counts.add(self.store(batch[half:]))
            return counts

    def _store_without_the_bad(self, item: Storable, reason: str) -> Counts:
        if isinstance(item, ManifestPage) and item.entries:
            good = tuple(entry for entry in item.entries if self._is_good(item, entry))
            bad = [
                CrawlError(
                    portal=item.portal,
                    error_type=ErrorType.STORE,
                    message=reason,
                    url=entry.source_url,
                    property_id=entry.property_id,
                    scope=item.scope,
                    page=item.page,
                    raw_item=plain(entry),
                )
                for entry in item.entries
                if entry not in good
            ]
            return in_transaction(
                self._engine, lambda connection: self._write(connection, [attrs.evolve(item, entries=good), *bad])
            )
        error = CrawlError(
            portal=item.portal,
            error_type=ErrorType.STORE,
            message=reason,
            url=item.source_url if isinstance(item, PropertyItem) else getattr(item, "url", None),
            property_id=item.property_id if isinstance(item, PropertyItem | CrawlError) else None,
            raw_item=plain(item) if isinstance(item, PropertyItem) else None,
            # The rows of a batch come back when the session ends.
            claim=getattr(item, "claim", None),
        )
        if error.raw_item is not None:
            # The raw item may hold what JSON cannot say: then its error row goes without.
            return self.store([error])
        return in_transaction(self._engine, lambda connection: self._write(connection, [error]))

    def _is_good(self, page: ManifestPage, entry: ManifestEntry) -> bool:
        """Tried in a transaction that is rolled back."""

        def attempt(connection: Connection) -> None:
            arrivals.record_pages(
                connection, self._session, [attrs.evolve(page, entries=(entry,))], pages_wanted=self._pages_wanted
            )
            connection.rollback()

        try:
            in_transaction(self._engine, attempt)
        except BadData:
            return False
        return True

    def _write(self, connection: Connection, batch: Sequence[Storable]) -> Counts:
        pages = [item for item in batch if isinstance(item, ManifestPage)]
        divisions = [item for item in batch if isinstance(item, Division)]
        items = [item for item in batch if isinstance(item, PropertyItem)]
        errors = [item for item in batch if isinstance(item, CrawlError)]
        batches = [item for item in batch if isinstance(item, VerificationBatch)]
        counts = Counts()
        for lease in self._leases:
            leases.check(connection, lease)
        claimed = [error.claim.property_id for error in errors if error.claim is not None]
        verified = [item.property_id for one in batches for item in one.items]
        lock_listings(connection, self._session.portal, [*claimed, *verified, *(item.property_id for item in items)])
        for one in batches:
            # Before the pages that the same answers brought: a case is ended by what was asked for it.
            counts.add(record_batch(connection, self._session, one, self._usual))
        if pages:
            counts.add(arrivals.record_pages(connection, self._session, pages, pages_wanted=self._pages_wanted))
        if listed := [item for item in batch if isinstance(item, SitemapPage)]:
            counts.add(sitemap.record(connection, self._session, listed))
        sweeps.record_divisions(connection, self._session, divisions, pages_wanted=self._pages_wanted)
        if items:
            counts.add(promote(connection, self._session, items))
        if errors:
            counts.add(self._write_errors(connection, errors, claimed))
        runs.add_counts(connection, self._session, counts)
        return counts

    def _write_errors(self, connection: Connection, errors: Sequence[CrawlError], claimed: Sequence[str]) -> Counts:
        runs.record_errors(connection, self._session, errors)
        sweeps.record_failures(connection, self._session, errors, pages_wanted=self._pages_wanted)
        failures = [
            queue.Failure(
                error.claim, f"{error.error_type.value}: {error.message}", error.error_type not in _SAYS_NOTHING_OF_THE_LISTING
            )
            for error in errors
            if isinstance(error.claim, Claim)
        ]
        queue.fail(connection, failures)
        if claimed:
            connection.execute(statement("state_attempted"), {"property_ids": list(claimed)})
        rejected = sum(error.error_type is ErrorType.VALIDATION for error in errors)
        return Counts(errors=len(errors), rejected=rejected, scraped=rejected)
