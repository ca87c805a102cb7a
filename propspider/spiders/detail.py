"""Fetches the detail pages that the queue asks for, or shows one without storing it."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any, ClassVar, NoReturn

import attrs
from pydantic import Field, model_validator
from scrapy import Request, signals
from scrapy.exceptions import CloseSpider
from scrapy.http import Response
from sqlalchemy import Connection
from twisted.python.failure import Failure

from propspider.config import load
from propspider.db.engine import get_engine
from propspider.db.transactions import ConnectionLost, in_transaction
from propspider.fields.listing_id import is_provisional
from propspider.item_json import detail_json
from propspider.items import Claim, CrawlError, ErrorType, PropertyItem
from propspider.portals import Portal, UnreadablePage
from propspider.spiders.base import PortalSpider, SpiderArgs, SpiderArgumentError, fetched_at, http_response
from propspider.sync import queue

BATCH = 50
BATCH_SECONDS = 30.0
"""A claim holds about this much work at a polite pace, so that a killed spider strands little."""
LEASE_SECONDS = 300.0
RENDER_SECONDS = 5.0
"""What a page by browser takes with the pace of its scripts; its worst is the browser's time-out."""


class DetailArgs(SpiderArgs):
    """`limit`: most pages to fetch, 0 = until the queue is empty. `property_id`: this listing, now. `url`: show only."""

    limit: int = Field(default=0, ge=0)
    property_id: str | None = None
    url: str | None = None

    @model_validator(mode="after")
    def _one_target(self) -> "DetailArgs":
        if self.url is not None and self.property_id is not None:
            raise ValueError("url and property_id exclude each other")
        return self


class DetailSpider(PortalSpider):
    name = "detail"
    args_model: ClassVar[type[SpiderArgs]] = DetailArgs
    args: DetailArgs
    detail_pages: ClassVar[bool] = True

    def __init__(self, *positional: Any, **arguments: Any) -> None:
        super().__init__(*positional, **arguments)
        self.stores = self.args.url is None
        self._claimer: queue.Claimer | None = None

    @classmethod
    def check(cls, args: DetailArgs, portal: Portal) -> None:
        if args.url is not None and not portal.owns(args.url):
            raise SpiderArgumentError(f"-a url: not a page of {portal.name} ({', '.join(sorted(portal.hosts))})")

    async def start(self) -> AsyncIterator[Request]:
        if self.args.url is not None:
            yield Request(self.portal.fetch_url(self.args.url), self.show, errback=self.lost, meta=self.page_meta)
            return
        fetched = 0
        while batch := await asyncio.to_thread(self._claim, fetched):
            for row in batch:
                if self.crawler.engine is not None and self.crawler.engine.needs_backout():
                    await self.crawler.signals.wait_for(signals.scheduler_empty)
                yield self._request(row)
            fetched += len(batch)

    def _claim(self, fetched: int) -> list[queue.QueuedProperty]:
        seconds = max(self.delay_seconds, RENDER_SECONDS if self.page_meta else 0)
        size = BATCH if not seconds else max(1, min(BATCH, int(BATCH_SECONDS / seconds)))
        if self.args.limit:
            size = min(size, self.args.limit - fetched)
        if size <= 0 or (self.args.property_id is not None and fetched):
            return []
        try:
            return in_transaction(get_engine(), lambda connection: self._claim_in(connection, size))
        except ConnectionLost as error:
            raise CloseSpider("database_lost") from error
        except queue.PortalPaused as error:
            raise CloseSpider("paused") from error

    def _claim_in(self, connection: Connection, size: int) -> list[queue.QueuedProperty]:
        session, wanted = self.session, self.args.property_id
        if session is None:
            raise CloseSpider("no session")
        lease = partial(
            queue.Claimer,
            self.portal.name,
            worker=f"{socket.gethostname()}:{os.getpid()}",
            session_id=session.id,
            lease_seconds=max(LEASE_SECONDS, size * self._longest_seconds()),
        )
        if wanted is not None:
            if not queue.want_now(connection, self.portal.name, wanted):
                raise CloseSpider(f"no listing {wanted} is known")
            return lease(property_id=wanted).claim(connection, 1)
        self._claimer = self._claimer or lease()
        rows = self._claimer.claim(connection, size)
        if len(rows) < size and queue.top_up(connection, self.portal.name, ceiling=self.portal.facts.queue_ceiling):
            rows += self._claimer.claim(connection, size - len(rows))
        return rows

    def _longest_seconds(self) -> float:
        """That one page may reasonably take."""
        return load().browser_timeout_seconds if self.page_meta else 4 * self.delay_seconds

    def _request(self, row: queue.QueuedProperty) -> Request:
        return Request(
            self.portal.fetch_url(row.source_url),
            self.parse,
            errback=self.lost,
            cb_kwargs={"claim": row.claim},
            meta=self.page_meta,
            dont_filter=True,
        )

    def parse(self, response: Response, claim: Claim) -> Iterator[PropertyItem | CrawlError]:
        refused = False
        for error in self.judged(response, "detail", claim=claim):
            refused = True
            yield error
        if refused:
            return
        item = self._read(response)
        if isinstance(item, CrawlError) or item.property_id == claim.property_id or is_provisional(claim.property_id):
            yield attrs.evolve(item, claim=claim)
        else:
            # A page of another listing is that listing's news, and no news of the one that was asked for.
            yield item
            message = f"the page is of {item.property_id}"
            yield self.error(ErrorType.OTHER_LISTING, message, response=response, claim=claim)

    def show(self, response: Response) -> Iterator[CrawlError]:
        for error in self.judged(response, "detail"):
            self._give_up(error)
        item = self._read(response)
        if isinstance(item, CrawlError):
            self._give_up(item)
        else:
            sys.stdout.write(json.dumps(detail_json(item), ensure_ascii=False, indent=2) + "\n")
        return iter(())

    def _give_up(self, error: CrawlError) -> NoReturn:
        self.logger.error("%s: %s (%s)", error.error_type.value, error.message, error.url)
        raise CloseSpider(error.error_type.value)

    def _read(self, response: Response) -> PropertyItem | CrawlError:
        try:
            item = self.portal.detail_page(http_response(response))
        except UnreadablePage as error:
            return self.error(ErrorType.WRONG_PAGE, str(error), response=response)
        return attrs.evolve(item, portal=self.portal.name, observed_at=fetched_at(response))

    def lost(self, failure: Failure) -> Iterator[CrawlError]:
        request = failure.request  # type: ignore[attr-defined]
        for error in self.failed(failure, claim=request.cb_kwargs.get("claim")):
            if not self.stores:
                self._give_up(error)
            yield error
