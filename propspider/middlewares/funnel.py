"""An exception in a callback becomes an error item, so that its queue row is settled and nothing is lost in a log."""

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import structlog
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider
from scrapy.http import Response

from propspider.items import Claim, CrawlError, ErrorType

if TYPE_CHECKING:
    from propspider.portals.contract import Portal

_MESSAGE_CHARS = 1000

log = structlog.get_logger(__name__)


class FunnelMiddleware:
    """Errbacks and `start()` do not pass through spider middlewares: they build their own CrawlError."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_spider_exception(self, response: Response, exception: Exception) -> Iterator[Any] | None:
        if isinstance(exception, CloseSpider):
            return None
        error = self._error(response, exception)
        log.error("callback failed", url=response.url, exc_info=exception)
        # Scrapy counts only what nobody handled; the same names keep its own tools right.
        self._crawler.stats.inc_value("spider_exceptions/count")
        self._crawler.stats.inc_value(f"spider_exceptions/{type(exception).__name__}")
        return itertools.chain([error], self._owed(response))

    def _owed(self, response: Response) -> Iterator[Any]:
        spider: Any = self._crawler.spider
        yield from spider.after_exception(response) if hasattr(spider, "after_exception") else ()

    def _error(self, response: Response, exception: Exception) -> CrawlError:
        context: dict[str, Any] = {**response.meta, **response.cb_kwargs}
        claim = context.get("claim")
        portal: Portal = self._crawler.spider.portal  # type: ignore[union-attr]
        return CrawlError(
            portal=portal.name,
            error_type=ErrorType.PARSE,
            message=f"{type(exception).__name__}: {exception}"[:_MESSAGE_CHARS],
            url=portal.site_url(response.url),
            status=response.status,
            property_id=claim.property_id if isinstance(claim, Claim) else None,
            scope=context.get("scope"),
            page=context.get("page"),
            claim=claim if isinstance(claim, Claim) else None,
        )
