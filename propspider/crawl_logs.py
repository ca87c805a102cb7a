"""How a Scrapy process takes up our logging: its LOG_FORMATTER is the first of our classes that a crawl builds."""

import logging
from pathlib import Path
from typing import Any, Self

from scrapy import Spider
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.logformatter import LogFormatter, LogFormatterResult
from twisted.python.failure import Failure

from propspider import config, logs


class CrawlLog(LogFormatter):
    """Scrapy's messages without the items: those may hold personal data."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        settings = crawler.settings
        if not logs.is_configured():
            path = Path(settings["LOG_FILE"]) if settings["LOG_FILE"] else None
            # As in Scrapy, a file of its own stands for the console: scrapyd would log every line of that as an error.
            console = settings.getbool("LOG_ENABLED") and path is None
            logs.configure(config.load(), console=console, level=settings["LOG_LEVEL"], path=path)
        return cls()

    def scraped(self, item: Any, response: Response | Failure | None, spider: Spider) -> LogFormatterResult:
        return {"level": logging.DEBUG, "msg": "Scraped %s", "args": (_name(item),)}

    def dropped(
        self, item: Any, exception: BaseException, response: Response | Failure | None, spider: Spider
    ) -> LogFormatterResult:
        told = super().dropped(item, exception, response, spider)
        return {"level": told["level"], "msg": "Dropped %s: %s", "args": (_name(item), exception)}

    def item_error(
        self, item: Any, exception: BaseException, response: Response | Failure | None, spider: Spider
    ) -> LogFormatterResult:
        return {"level": logging.ERROR, "msg": "Error processing %s", "args": (_name(item),)}


def _name(item: Any) -> str:
    return f"{type(item).__name__} {getattr(item, 'property_id', None) or getattr(item, 'url', '')}".strip()
