"""Runs one real crawl with the project's settings and prints what the spider saw as JSON. A process has one reactor only.

Reads {"base", "urls", "settings", "delay", "callback", "parallel"} from stdin.
"""

import json
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import attrs
from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.exceptions import CloseSpider
from scrapy.http import Response
from scrapy.settings import Settings
from twisted.python.failure import Failure

from propspider.items import Claim, PropertyItem
from propspider.portals import contract

CLAIM = Claim(queue_id=7, lease_no=3, property_id="pincali:EB-AA0001")

pages: list[dict[str, Any]] = []
errors: list[dict[str, Any]] = []
items: list[dict[str, Any]] = []


class Probe(Spider):
    name = "probe"

    def __init__(self, task: dict[str, Any]) -> None:
        super().__init__()
        self.task = task
        self.portal = contract.load("pincali").with_base(task["base"], allow_private=True)
        self.hosts = self.portal.hosts
        self.delay_seconds = float(task.get("delay", 0))

    async def start(self) -> AsyncIterator[Request]:
        callback = getattr(self, self.task.get("callback", "seen"))
        for url in self.task["urls"]:
            yield Request(
                url,
                callback,
                errback=self.failed,
                dont_filter=True,
                meta={"claim": CLAIM, "page": 4},
                cb_kwargs={"scope": "sale"},
            )

    def seen(self, response: Response, scope: str) -> None:
        pages.append({"url": response.url, "status": response.status})

    def failed(self, failure: Failure) -> None:
        error = failure.value
        kind = getattr(error, "error_type", None)
        request: Request = failure.request  # type: ignore[attr-defined]
        errors.append({"type": type(error).__name__, "error_type": kind, "message": str(error), "url": request.url})

    def raises(self, response: Response, scope: str) -> list[Any]:
        raise LookupError("no price here")

    def raises_in_generator(self, response: Response, scope: str) -> Iterator[Any]:
        yield {"before": True}
        raise LookupError("no price here")

    async def raises_in_async_generator(self, response: Response, scope: str) -> AsyncIterator[Any]:
        yield {"before": True}
        raise LookupError("no price here")

    async def raises_in_coroutine(self, response: Response, scope: str) -> None:
        raise LookupError("no price here")

    def yields_a_person(self, response: Response, scope: str) -> Iterator[Any]:
        yield PropertyItem(property_id=CLAIM.property_id, source_url=response.url, agent_name="Ana Example")

    async def stops(self, response: Response, scope: str) -> None:
        raise CloseSpider("superseded")


class Collect:
    def process_item(self, item: Any) -> Any:
        row = dict(item) if isinstance(item, dict) else attrs.asdict(item)
        items.append(row)
        return item


def main() -> None:
    task = json.load(sys.stdin)
    settings = Settings()
    settings.setmodule("propspider.settings")
    # Nothing here needs a database.
    settings.set("ITEM_PIPELINES", {Collect: 1})
    settings.set("EXTENSIONS", {})
    settings.setdict(task.get("settings", {}), priority="cmdline")
    process = AsyncCrawlerProcess(settings)
    crawler = process.create_crawler(Probe)
    process.crawl(crawler, task=task)
    process.start()
    stats = crawler.stats.get_stats()
    json.dump({"pages": pages, "errors": errors, "items": items, "stats": stats}, sys.stdout, default=str)


if __name__ == "__main__":
    main()
