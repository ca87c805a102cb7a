"""Walks listing pages, scope after scope, and reads what the cards say. Fetches no detail page."""

from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from typing import Any, ClassVar, Literal

import attrs
from pydantic import Field, model_validator
from scrapy import Request
from scrapy.exceptions import CloseSpider
from scrapy.http import Response
from twisted.python.failure import Failure

from propspider.items import CrawlError, Division, ErrorType, ManifestPage, PriceUnit, SitemapPage
from propspider.middlewares.retry import WAIT_KEY
from propspider.portals import Portal, partition
from propspider.spiders import sitemap
from propspider.spiders.base import CommaList, PortalSpider, SpiderArgs, SpiderArgumentError, fetched_at, http_response
from propspider.spiders.walk import HEAD_PAGES, PartWalk, ScopeWalk, listings, numbers, taken_up

Kind = Literal["walk", "back", "head", "resume"]
"""Why a page is asked for: in turn; again, because listings slid up from it; again, to see whether the head of the walk moved;
again, because the walk was cut off after it.
"""
Output = ManifestPage | Division | CrawlError | Request

_WORTH_ANOTHER_TRY = frozenset({ErrorType.WRONG_PAGE, ErrorType.EMPTY_PAGE, ErrorType.UNREADABLE, ErrorType.OTHER_LANGUAGE})
_MISMATCHED_SHARE = 0.2
"""Of the cards of a part's first page: with more the portal is taken to ignore the filter."""
_OWN_SHARE = 0.9
"""Of the cards of a page: the others are paid for, and stand on a page of their own as well."""
_FEW = 3
"""Failed pages that never end a crawl by themselves."""


class ManifestArgs(SpiderArgs):
    """`pages`: how many of each scope, 0 = all that the portal serves. `scope`: names, comma-separated; all when unset.
    `source` "sitemap": the portal's sitemap instead, which says what is there and never what is not.
    """

    pages: int = Field(default=0, ge=0)
    scope: CommaList = Field(default_factory=list)
    source: Literal["listings", "sitemap"] = "listings"

    @model_validator(mode="after")
    def _sitemap_has_no_pages(self) -> "ManifestArgs":
        if self.source == "sitemap" and (self.pages or self.scope):
            raise ValueError("source=sitemap takes neither pages nor scope")
        return self


class ManifestSpider(PortalSpider):
    name = "manifest"
    args_model: ClassVar[type[SpiderArgs]] = ManifestArgs
    args: ManifestArgs

    def __init__(self, *positional: Any, **arguments: Any) -> None:
        super().__init__(*positional, **arguments)
        if self.args.source == "listings":
            self.scopes: Sequence[str] = self.args.scope or list(self.portal.facts.scopes)
        self._walks: dict[str, ScopeWalk] = {}

    @classmethod
    def check(cls, args: ManifestArgs, portal: Portal) -> None:
        if unknown := [name for name in args.scope if name not in portal.facts.scopes]:
            raise SpiderArgumentError(
                f"-a scope: {portal.name} has no {', '.join(unknown)}; it has {', '.join(portal.facts.scopes)}"
            )

        if args.source == "sitemap" and portal.sitemap_url is None:
            raise SpiderArgumentError(f"-a source: {portal.name} has no sitemap")

    @property
    def hosts(self) -> frozenset[str]:
        return self.portal.hosts if self.args.source == "listings" else self.portal.sitemap_hosts

    @property
    def lease_names(self) -> list[str]:
        return [f"sweep:{self.portal.name}:{scope}" for scope in self.scopes]

    @property
    def failure(self) -> str | None:  # type: ignore[override]
        read, failed = (sum(getattr(walk, name) for walk in self._walks.values()) for name in ("read", "failed"))
        too_many = failed > self.portal.facts.sweep.abort_share * (read + failed)
        return f"{failed} of {read + failed} listing pages failed" if too_many else None

    async def start(self) -> AsyncIterator[Request]:
        if self.args.source == "sitemap" and (url := self.portal.sitemap_url) is not None:
            yield self._sitemap_request(url)
        for scope in self.scopes:
            walk, places = ScopeWalk.of(scope), {"": 1}
            if scope in self.interrupted:
                walk, places = taken_up(scope, self.interrupted[scope], most=self._most_pages)
            self._walks[scope] = walk
            for name, page in places.items():
                yield self._request(walk, walk.parts[name], page, "resume" if page > 1 else "walk")
            for request in self._closing(walk, walk.whole):
                yield request

    def _request(self, walk: ScopeWalk, one: PartWalk, page: int, kind: Kind, *, attempt: int = 0) -> Request:
        one.under_way += 1
        wait = self.settings.getfloat("RETRY_BACKOFF_SECONDS") * 2.0 ** (attempt - 1) if attempt else 0.0
        return Request(
            self.portal.page_url(walk.scope, page, one.part),
            self.parse,
            errback=self.lost,
            cb_kwargs={"scope": walk.scope, "part": one.part.name, "page": page, "kind": kind, "attempt": attempt},
            meta={WAIT_KEY: wait} if wait else None,
            dont_filter=True,
            # Scopes in turn, pages in order: newest-first listings drift down while they are read.
            priority=-list(self.portal.facts.scopes).index(walk.scope),
        )

    def parse(self, response: Response, scope: str, part: str, page: int, kind: Kind, attempt: int) -> Iterator[Output]:
        walk = self._walks[scope]
        one = walk.parts.get(part)
        if one is None:  # asked for before the portal turned out to ignore its filter
            self.unused_answers += 1
            return
        one.under_way -= 1
        yield from self._read(response, walk, one, page, kind, attempt)
        yield from self._closing(walk, one)

    def lost(self, failure: Failure) -> Iterator[Output]:
        asked: dict[str, Any] = failure.request.cb_kwargs  # type: ignore[attr-defined]
        walk = self._walks[asked["scope"]]
        one = walk.parts.get(asked["part"])
        if one is None:
            return
        one.under_way -= 1
        yield from self.failed(failure, scope=walk.scope, page=asked["page"])
        yield from self._after_failure(walk, one, asked["page"], asked["kind"])
        yield from self._closing(walk, one)

    def after_exception(self, response: Response) -> Iterator[Output]:
        asked = response.cb_kwargs
        walk = self._walks.get(asked.get("scope", ""))
        one = walk.parts.get(asked["part"]) if walk is not None else None
        if walk is None or one is None:
            return
        yield from self._after_failure(walk, one, asked["page"], asked["kind"])
        yield from self._closing(walk, one)

    def _read(self, response: Response, walk: ScopeWalk, one: PartWalk, page: int, kind: Kind, attempt: int) -> Iterator[Output]:
        error = partial(self.error, response=response, scope=walk.scope, page=page)
        # One by one: after the error of a block comes CloseSpider, which must not take the error with it.
        for refusal in self.judged(response, "listing", scope=walk.scope, page=page):
            yield from self._refused(walk, one, page, kind, attempt, refusal)
            # A page that is not there is the end of the walk; one that failed is not.
            if refusal.error_type is not ErrorType.BLOCKED:
                return
        read = self.portal.listing_page(http_response(response), operation=self.portal.facts.scopes[walk.scope].operation)
        for problem in read.problems:
            yield error(problem.error_type, problem.message, raw_item=problem.raw)
        if not read.entries and not read.cards and (read.stated_total or page > 1):
            empty = error(ErrorType.EMPTY_PAGE, "a listing page without cards")
            yield from self._refused(walk, one, page, kind, attempt, empty)
            return
        if read.page != page or (kind == "walk" and page > 1 and one.repeats(read)):
            what = f"page {read.page} came for page {page}" if read.page != page else f"page {page} repeats the one before it"
            one.is_over = True
            walk.failed += 1
            yield error(ErrorType.REPEATED_PAGE, what)
            return
        yield from self._keep(response, walk, one, read, kind)

    def _refused(
        self, walk: ScopeWalk, one: PartWalk, page: int, kind: Kind, attempt: int, refusal: CrawlError
    ) -> Iterator[Output]:
        """A page that came and could not be read; what did not come was tried again by the middleware."""
        if refusal.error_type in _WORTH_ANOTHER_TRY and attempt < self.settings.getint("RETRY_TIMES"):
            self.unused_answers += 1
            yield self._request(walk, one, page, kind, attempt=attempt + 1)
            return
        yield refusal
        if refusal.error_type is ErrorType.BLOCKED:  # nothing more is asked
            return
        if refusal.error_type is not ErrorType.GONE or page == 1:
            yield from self._after_failure(walk, one, page, kind)

    def _after_failure(self, walk: ScopeWalk, one: PartWalk, page: int, kind: Kind) -> Iterator[Output]:
        """A page that could not be read does not end a walk whose last page is known; without page 1 there is no walk."""
        walk.failed += 1
        if kind in {"walk", "resume"}:
            if page == 1:
                yield from self._next_parts(walk, one)
            elif one.last is not None:
                yield from self._pages(walk, one, page + one.step, 1)
        planned = sum(each.planned for each in self._walks.values())
        failed = sum(each.failed for each in self._walks.values())
        read = sum(each.read for each in self._walks.values())
        if failed > _FEW and failed > self.portal.facts.sweep.abort_share * max(planned, read + failed):
            raise CloseSpider(f"{failed} listing pages failed")

    def _keep(self, response: Response, walk: ScopeWalk, one: PartWalk, read: ManifestPage, kind: Kind) -> Iterator[Output]:
        mismatched = sum(partition.allows(one.part, entry) is False for entry in read.entries) if one.part.name else 0
        cap = self.portal.facts.page_cap
        page = attrs.evolve(
            read,
            portal=self.portal.name,
            scope=walk.scope,
            url=self.portal.site_url(response.url),
            observed_at=fetched_at(response),
            cap_hit=kind == "walk" and cap is not None and read.page >= cap and read.next_page is not None,
            part=one.part,
            mismatched=mismatched,
        )
        if kind == "walk" and page.page == 1 and one.parent is not None and self._ignores(one, page):
            yield from self._ignored(response, walk, one, page)
            return
        yield page
        walk.read += 1
        if kind == "walk" and page.page == 1:
            one.begin(page)
            one.note(page)
            if one.parent is not None:
                one.parent.found += page.stated_total or 0
            yield from self._next_parts(walk, one)
            yield from self._begin(walk, one, page)
            return
        slid = one.note(page)
        if kind == "walk" and page.next_page is not None:
            yield from self._further(walk, one, page.page)
        elif kind == "resume":
            yield from self._go_on_after(walk, one, page)
        elif kind == "head" and page.next_page is not None and page.page < HEAD_PAGES and not listings(page) & one.head:
            yield self._request(walk, one, page.page + 1, "head")
        if slid and kind == "walk" and self.args.pages == 0:
            yield self._request(walk, one, page.page - 1, "back")

    def _begin(self, walk: ScopeWalk, one: PartWalk, first: ManifestPage) -> Iterator[Output]:
        """After a part's first page: walk on, or divide what is more than the portal shows."""
        facts = self.portal.facts
        one.last, one.step = self._last_page(first), self.window
        if facts.page_cap is not None and first.next_page is not None:
            one.fits = int(facts.page_cap * first.cards * _OWN_SHARE)
        scope = facts.scopes[walk.scope]
        one.prices = tuple(
            offer.amount
            for entry in first.entries
            for offer in entry.offers
            if offer.amount is not None
            and (offer.operation, offer.currency, offer.unit) == (scope.operation, facts.currency, PriceUnit.TOTAL)
        )
        if self.args.pages == 0 and one.fits and (first.stated_total or 0) > one.fits and self.portal.can_split(walk.scope):
            yield from self._divide(walk, one, first)
        else:
            yield from self._pages(walk, one, 2, one.step)

    def _divide(self, walk: ScopeWalk, one: PartWalk, page: ManifestPage, ignored: str | None = None) -> Iterator[Output]:
        facts = self.portal.facts
        assert facts.split is not None  # noqa: S101 - can_split
        assert page.observed_at is not None  # noqa: S101 - set when it was kept
        found = partition.children(
            one.part,
            split=facts.split,
            without=frozenset(walk.ignored),
            operation=facts.scopes[walk.scope].operation,
            currency=facts.currency,
            total=one.total or 0,
            fits=one.fits or 1,
            prices=one.prices,
        )
        one.divided_by, children = found or (None, ())
        one.waiting = walk.divide(one, children)
        if children or ignored:
            yield Division(self.portal.name, walk.scope, one.part, children, page.observed_at, ignored)
        if one.waiting:
            # The others are asked for when the first one shows that the filter is obeyed.
            yield self._request(walk, one.waiting.pop(0), 1, "walk")
        else:
            yield from self._pages(walk, one, 2, one.step)

    def _ignores(self, one: PartWalk, page: ManifestPage) -> bool:
        """Whether the portal took no notice of what distinguishes a part from its parent."""
        assert one.parent is not None  # noqa: S101 - the caller has looked
        above, here = one.parent.total, page.stated_total
        is_whole = above is not None and here is not None and here >= above and page.next_page is not None
        return is_whole or page.mismatched > _MISMATCHED_SHARE * page.cards

    def _ignored(self, response: Response, walk: ScopeWalk, one: PartWalk, page: ManifestPage) -> Iterator[Output]:
        above = one.parent
        assert above is not None  # noqa: S101 - the caller has looked
        dimension = above.divided_by or "price"
        message = f"the portal ignores the {dimension} filter: {page.stated_total} listings, {page.mismatched} cards do not fit"
        yield self.error(ErrorType.FILTER_IGNORED, message, response=response, scope=walk.scope, page=page.page)
        walk.ignored.add(dimension)
        yield from self._divide(walk, above, page, ignored=dimension)

    def _next_parts(self, walk: ScopeWalk, one: PartWalk) -> Iterator[Request]:
        """Siblings of a part that has answered: one for one, after the first as many as are worth having under way."""
        if one.parent is not None:
            for sibling in one.parent.next_waiting(1 if one.parent.is_probed else self.window):
                yield self._request(walk, sibling, 1, "walk")
            one.parent.is_probed = True

    def _go_on_after(self, walk: ScopeWalk, one: PartWalk, boundary: ManifestPage) -> Iterator[Request]:
        """Where a walk was cut off: on from there when the page still joins what was read, else from its beginning."""
        before = self.interrupted[walk.scope][one.part.name].pages
        known = before.get(boundary.page, frozenset()) | before.get(boundary.page - 1, frozenset())
        one.step = self.window
        if listings(boundary) & known:
            yield from self._pages(walk, one, boundary.page + 1, one.step)
        else:
            yield self._request(walk, one, 1, "walk")

    def _pages(self, walk: ScopeWalk, one: PartWalk, first: int, count: int) -> Iterator[Request]:
        if not one.is_over:
            for page in numbers(first, count, one.last):
                yield self._request(walk, one, page, "walk")

    def _further(self, walk: ScopeWalk, one: PartWalk, page: int) -> Iterator[Request]:
        """One by one beyond the page that was to be the last: paid cards take the room of others."""
        if page == one.last and (self._most_pages is None or page < self._most_pages):
            one.last += 1
            yield from self._pages(walk, one, one.last, 1)
        else:
            yield from self._pages(walk, one, page + one.step, 1)

    def _closing(self, walk: ScopeWalk, one: PartWalk) -> Iterator[Request]:
        """A full walk that saw less than there is ends with another look at its head: what moved there meanwhile was on none
        of the pages after it.
        """
        if self.args.pages:
            return
        if not one.is_split and not one.under_way and not one.head_read and one.read > 1 and not one.is_over and one.is_short:
            one.head_read = True
            yield self._request(walk, one, 1, "head")
        whole = walk.whole
        if whole.is_split and not walk.under_way and not whole.head_read and walk.is_short:
            whole.head_read = True
            yield self._request(walk, whole, 1, "head")

    def _sitemap_request(self, url: str) -> Request:
        return Request(self.portal.fetch_url(url), self.parse_sitemap, errback=self.sitemap_lost)

    def parse_sitemap(self, response: Response) -> Iterator[SitemapPage | CrawlError | Request]:
        if sign := self.portal.facts.blocked.match(http_response(response), response.body[:100_000].lower()):
            yield self.error(ErrorType.BLOCKED, sign, response=response)
            raise CloseSpider("blocked")
        if response.status != 200:
            yield self.error(ErrorType.HTTP_STATUS, f"status {response.status}", response=response)
            return
        try:
            content = sitemap.read(response.body)
        except sitemap.UnreadableSitemap as error:
            yield self.error(ErrorType.UNREADABLE, str(error), response=response)
            return
        if content.kind == "index":
            yield from map(self._sitemap_request, content.locations)
        else:
            for urls in sitemap.listings(content, self.portal):
                yield SitemapPage(self.portal.name, response.url, urls, fetched_at(response))

    def sitemap_lost(self, failure: Failure) -> Iterator[CrawlError]:
        yield from self.failed(failure)

    @property
    def _most_pages(self) -> int | None:
        """Of one walk, as wanted and as the portal shows; None = no bound."""
        return min((bound for bound in (self.args.pages, self.portal.facts.page_cap) if bound), default=None)

    def _last_page(self, first: ManifestPage) -> int | None:
        """The walk's last page as the first one states it; None when only the pages themselves tell."""
        bounds = [self._most_pages] if self._most_pages else []
        if first.next_page is None:
            bounds.append(1)
        elif first.stated_total is not None and first.cards:
            bounds.append(-(-first.stated_total // first.cards))
        return min(bounds, default=None)
