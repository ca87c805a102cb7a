"""Walks listing pages, scope after scope, and reads what the cards say. Fetches no detail page."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar

import attrs
from pydantic import Field
from scrapy import Request
from scrapy.http import Response
from twisted.python.failure import Failure

from propspider.items import CrawlError, ErrorType, ManifestPage
from propspider.portals import Portal
from propspider.spiders.base import CommaList, PortalSpider, SpiderArgs, SpiderArgumentError, fetched_at, http_response


class ManifestArgs(SpiderArgs):
    """`pages`: how many of each scope, 0 = all that the portal serves. `scope`: names, comma-separated; all when unset."""

    pages: int = Field(default=0, ge=0)
    scope: CommaList = Field(default_factory=list)


class ManifestSpider(PortalSpider):
    name = "manifest"
    args_model: ClassVar[type[SpiderArgs]] = ManifestArgs
    args: ManifestArgs

    @classmethod
    def check(cls, args: ManifestArgs, portal: Portal) -> None:
        if unknown := [name for name in args.scope if name not in portal.facts.scopes]:
            raise SpiderArgumentError(
                f"-a scope: {portal.name} has no {', '.join(unknown)}; it has {', '.join(portal.facts.scopes)}"
            )

    async def start(self) -> AsyncIterator[Request]:
        for scope in self.args.scope or self.portal.facts.scopes:
            yield self._request(scope, 1, step=0, last=None)

    def _request(self, scope: str, page: int, *, step: int, last: int | None) -> Request:
        context = {"scope": scope, "page": page, "step": step, "last": last}
        return Request(
            self.portal.page_url(scope, page),
            self.parse,
            errback=self.lost,
            cb_kwargs=context,
            dont_filter=True,
            # Scopes in turn, pages in order: newest-first listings drift down while they are read.
            priority=-list(self.portal.facts.scopes).index(scope),
        )

    def parse(
        self, response: Response, scope: str, page: int, step: int, last: int | None
    ) -> Iterator[ManifestPage | CrawlError | Request]:
        refusal = None
        # One by one: after the error of a block comes CloseSpider, which must not take the error with it.
        for refusal in self.judged(response, "listing", scope=scope, page=page):
            yield refusal
        if refusal is not None:
            # A page that is not there is the end of the walk; one that failed is not.
            if refusal.error_type is not ErrorType.GONE:
                yield from self._after_failure(scope, page, step, last)
            return
        operation = self.portal.facts.scopes[scope].operation
        read = self.portal.listing_page(http_response(response), operation=operation)
        for problem in read.problems:
            yield self.error(problem.error_type, problem.message, response=response, scope=scope, page=page, raw_item=problem.raw)
        if not read.entries and not read.cards and (read.stated_total or page > 1):
            yield self.error(ErrorType.EMPTY_PAGE, "a listing page without cards", response=response, scope=scope, page=page)
            yield from self._after_failure(scope, page, step, last)
            return
        if page == 1:
            last = self._last_page(read)
        cap = self.portal.facts.page_cap
        yield attrs.evolve(
            read,
            portal=self.portal.name,
            scope=scope,
            page=page,
            url=self.portal.site_url(response.url),
            observed_at=fetched_at(response),
            cap_hit=cap is not None and page >= cap and read.next_page is not None,
        )
        if page == 1:
            # Each request continues its own chain: page n asks for page n + window, so that `window` are under way.
            step = self.window
            yield from self._pages(scope, range(2, 2 + step), step, last)
        elif read.next_page is not None:
            yield from self._pages(scope, [page + step], step, last)

    def lost(self, failure: Failure) -> Iterator[CrawlError | Request]:
        context: dict[str, Any] = failure.request.cb_kwargs  # type: ignore[attr-defined]
        yield from self.failed(failure, scope=context["scope"], page=context["page"])
        yield from self._after_failure(**context)

    def _after_failure(self, scope: str, page: int, step: int, last: int | None) -> Iterator[Request]:
        """A page that could not be read does not end a walk whose last page is known; without page 1 there is no walk."""
        if page > 1 and last is not None:
            yield from self._pages(scope, [page + step], step, last)

    def _pages(self, scope: str, pages: Any, step: int, last: int | None) -> Iterator[Request]:
        for page in pages:
            if last is None or page <= last:
                yield self._request(scope, page, step=step, last=last)

    def _last_page(self, first: ManifestPage) -> int | None:
        """The walk's last page as the first one states it; None when only the pages themselves tell."""
        bounds = [bound for bound in (self.args.pages, self.portal.facts.page_cap) if bound]
        if first.next_page is None:
            bounds.append(1)
        elif first.stated_total is not None and first.cards:
            bounds.append(-(-first.stated_total // first.cards))
        return min(bounds, default=None)
