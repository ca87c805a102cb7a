"""Asks for listings that may be gone, in batches between controls: listings seen today, and ones that never existed."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeAlias
from urllib.parse import urljoin

import attrs
import structlog
from pydantic import Field
from scrapy import Request
from scrapy.exceptions import CloseSpider, IgnoreRequest
from scrapy.http import Response
from sqlalchemy import Connection
from twisted.python.failure import Failure

from propspider import clock
from propspider.browser import BrowserUnavailable
from propspider.config import load
from propspider.db.engine import get_engine
from propspider.db.transactions import ConnectionLost, in_transaction
from propspider.evidence import Finding, Look, Method, VerificationBatch
from propspider.items import CrawlError, ErrorType, PropertyItem
from propspider.middlewares.pacing import CrawlEnding, Throttled
from propspider.middlewares.reach import Refused
from propspider.middlewares.robots import RobotsUnreadable
from propspider.portals import findings
from propspider.spiders.base import PortalSpider, SpiderArgs, fetched_at, http_response
from propspider.spiders.rounds import Asked, Round
from propspider.sync import candidates

if TYPE_CHECKING:
    from propspider.sync.runs import SessionRef

BATCH = 50
BATCH_SECONDS = 120.0
"""A batch is about this much work at a polite pace: long enough for its controls not to weigh much, short enough for them to
speak of the same portal at its beginning and its end.
"""
RENDER_SECONDS = 5.0

Output: TypeAlias = Iterator[Request | PropertyItem | CrawlError | VerificationBatch]

log = structlog.get_logger(__name__)


class VerifyArgs(SpiderArgs):
    """`limit`: most listings to ask for, 0 = until none is left. `seconds`: no batch is begun later than that, 0 = however long
    it takes. `property_id`: this listing, which has an open case.
    """

    limit: int = Field(default=0, ge=0)
    seconds: float = Field(default=0, ge=0)
    property_id: str | None = None


class VerifySpider(PortalSpider):
    name = "verify"
    args_model: ClassVar[type[SpiderArgs]] = VerifyArgs
    args: VerifyArgs
    detail_pages: ClassVar[bool] = True

    @property
    def lease_names(self) -> list[str]:
        """Two at once would take each other's controls for their own."""
        return [f"verify:{self.portal.name}"]

    _current: Round | None = None

    def closed(self, reason: str) -> None:
        if self._current is not None and not self._current.over.is_set():
            self.unused_answers += self._current.abandon()

    async def start(self) -> AsyncIterator[Request]:
        claimed, began = 0, clock.now()
        while (current := await asyncio.to_thread(self._claim, claimed)) is not None:
            self._current = current
            for asked in current.begin(self.window):
                yield self._request(current, asked)
            await current.over.wait()
            if current.is_void:
                return
            claimed += current.size
            if self.args.seconds and (clock.now() - began).total_seconds() >= self.args.seconds:
                return

    def _claim(self, claimed: int) -> Round | None:
        session, wanted = self.session, self.args.property_id
        if session is None:
            raise CloseSpider("no session")
        size = self._size()
        if self.args.limit:
            size = min(size, self.args.limit - claimed)
        if size <= 0 or (wanted is not None and claimed):
            return None
        try:
            if not claimed:
                while in_transaction(get_engine(), partial(self._suspect, session=session)):
                    pass
                has_case = partial(candidates.has_open_case, property_id=wanted)
                if wanted is not None and not in_transaction(get_engine(), has_case):
                    raise CloseSpider(f"no open case of {wanted}")
            return in_transaction(get_engine(), partial(self._claim_in, session=session, size=size))
        except ConnectionLost as error:
            raise CloseSpider("database_lost") from error

    def _suspect(self, connection: Connection, session: "SessionRef") -> bool:
        facts = self.portal.facts
        scopes = {name: scope.operation for name, scope in facts.scopes.items()}
        return candidates.suspect(connection, session, min_missing=facts.removal.min_missing, scopes=scopes)

    def _claim_in(self, connection: Connection, session: "SessionRef", size: int) -> Round | None:
        rows = candidates.claim(
            connection,
            session,
            size=size,
            worker=f"{socket.gethostname()}:{os.getpid()}",
            lease_seconds=4 * (2 * size + 6) * self._seconds(),
            property_id=self.args.property_id,
        )
        alive = candidates.known_alive(connection, self.portal.name, without=[row.claim.property_id for row in rows])
        if not rows:
            return None
        if not alive:
            # Rolls the claim back.
            log.error("no listing was seen within a day: nothing to compare answers with", portal=self.portal.name)
            raise CloseSpider("no controls")
        return Round(rows, alive, lambda: self.portal.nowhere_url(secrets.randbelow(10**12)))

    def _seconds(self) -> float:
        """That one answer takes at least."""
        return max(self.delay_seconds, load().browser_timeout_seconds / 4 if self.page_meta else 0)

    def _size(self) -> int:
        seconds = max(self.delay_seconds, RENDER_SECONDS if self.page_meta else 0)
        each = 2 if self._asks_by_head else 1
        return BATCH if not seconds else max(1, min(BATCH, int(BATCH_SECONDS / (each * seconds))))

    @property
    def _asks_by_head(self) -> bool:
        return self.portal.facts.removal.method == "head_get" and not self.renders(self.portal)

    def _request(self, current: Round, asked: Asked, method: Method | None = None) -> Request:
        """`method` None: as this page is asked for first. Controls show what a GET is worth, so they get no other."""
        if method is None:
            method = "HEAD" if self._asks_by_head and asked.claim is not None else "GET"
        head = {"dont_redirect": True, "dont_retry": True} if method == "HEAD" else {}
        return Request(
            self.portal.fetch_url(asked.url),
            self.head if method == "HEAD" else self.get,
            method=method,
            errback=self.lost,
            cb_kwargs={"current": current, "asked": asked},
            meta={**self.page_meta, **head},
            dont_filter=True,
        )

    def head(self, response: Response, current: Round, asked: Asked) -> Output:
        if current.is_void:
            self.unused_answers += 1
            return
        location = response.headers.get("Location")
        target = urljoin(response.url, location.decode("latin-1")) if location else None
        finding = findings.of_head(self.portal, http_response(response), location=target)
        asked.looks.append(self._look(response, "HEAD", finding, asked, redirect_url=target))
        if finding is Finding.BLOCKED:
            yield from self._blocked(response, current)
        else:
            yield self._request(current, asked, "GET")

    def get(self, response: Response, current: Round, asked: Asked) -> Output:
        if current.is_void:
            self.unused_answers += 1
            return
        # A browser follows redirects by itself and tells nothing of them.
        first = response.meta.get("redirect_urls", [response.request.url if response.request is not None else asked.url])[0]
        redirected = response.url != first
        # A listing that never existed has no id: whatever page comes, it is not its own.
        finding, sign, item = findings.of_get(self.portal, http_response(response), asked.property_id or "", asked=first)
        target = response.url if redirected else None
        asked.looks.append(self._look(response, "GET", finding, asked, redirect_url=target, detail=sign))
        if item is not None:
            asked.page = attrs.evolve(item, portal=self.portal.name, observed_at=fetched_at(response))
        if finding is Finding.BLOCKED:
            yield from self._blocked(response, current)
        else:
            yield from self._answered(current, asked)

    def lost(self, failure: Failure) -> Output:
        request: Request = failure.request  # type: ignore[attr-defined]
        current, asked = request.cb_kwargs["current"], request.cb_kwargs["asked"]
        if current.is_void:
            return
        exception = failure.value
        if isinstance(exception, RobotsUnreadable | Throttled | CrawlEnding | BrowserUnavailable):
            self.unused_answers += current.abandon()
            yield from self.failed(failure)
            return
        detail = f"{type(exception).__name__}: {exception}".removesuffix(": ")
        redirects = request.meta.get("redirect_urls", [])
        method: Method = "HEAD" if request.method == "HEAD" else "GET"
        asked.looks.append(
            Look(
                method=method,
                finding=self._of_exception(exception, request.url if redirects else None),
                url=asked.url,
                observed_at=clock.now(),
                redirect_url=self._published(request.url) if redirects else None,
                detail=detail,
            )
        )
        if method == "HEAD" and not isinstance(exception, Refused):
            yield self._request(current, asked, "GET")
        else:
            yield from self._answered(current, asked)

    def after_exception(self, response: Response) -> Output:
        """A page that our own parser could not read says nothing of its listing; the batch goes on."""
        current, asked = response.cb_kwargs["current"], response.cb_kwargs["asked"]
        method: Method = "HEAD" if response.request is not None and response.request.method == "HEAD" else "GET"
        asked.looks.append(self._look(response, method, Finding.UNREADABLE, asked, detail="our parser failed; see the log"))
        yield from self._answered(current, asked)

    def _answered(self, current: Round, asked: Asked) -> Output:
        """Asks for what is next, and hands the batch over when this was the last answer."""
        following = current.settle(asked)
        if following is None:
            yield from self._hand_over(current)
        else:
            for another in following:
                yield self._request(current, another)

    def _hand_over(self, current: Round) -> Output:
        batch = current.batch(self.portal.name)
        faults = batch.faults
        yield batch
        if faults:
            current.is_void = True
            current.over.set()
            log.error("controls failed", portal=self.portal.name, faults=faults)
            raise CloseSpider("controls failed")
        # After the batch: what it says of a listing is decided before its page is stored as a refresh.
        yield from current.pages()
        current.over.set()

    def _blocked(self, response: Response, current: Round) -> Output:
        """Asks nothing more: the batch is void as it stands."""
        if current.is_void:
            return
        current.is_void = True
        yield current.batch(self.portal.name)
        current.over.set()
        yield from self.judged(response, "detail")
        # A throttled answer that the portal's signs do not name.
        yield self.error(ErrorType.BLOCKED, f"status {response.status}", response=response)
        raise CloseSpider("blocked")

    def _look(
        self,
        response: Response,
        method: Method,
        finding: Finding,
        asked: Asked,
        *,
        redirect_url: str | None = None,
        detail: str | None = None,
    ) -> Look:
        return Look(
            method=method,
            finding=finding,
            url=asked.url,
            observed_at=fetched_at(response),
            status=response.status,
            redirect_url=self._published(redirect_url) if redirect_url else None,
            detail=detail,
        )

    def _published(self, url: str) -> str:
        return self.portal.site_url(url) if self.portal.owns(url) else url

    def _of_exception(self, exception: BaseException | None, redirected_to: str | None) -> Finding:
        if isinstance(exception, Refused):
            if exception.error_type is ErrorType.OFF_SITE:
                return Finding.OFF_SITE
            # robots.txt often forbids the login page.
            is_login = redirected_to is not None and findings.of_location(self.portal, redirected_to) is Finding.TO_LOGIN
            return Finding.TO_LOGIN if is_login else Finding.REFUSED
        # Scrapy's redirect middleware has no exception of its own for a loop.
        return Finding.REDIRECT_LOOP if isinstance(exception, IgnoreRequest) else Finding.NO_RESPONSE
