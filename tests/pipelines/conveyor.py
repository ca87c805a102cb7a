"""The pipelines in their order, fed by hand: what a crawl does with its items, without a reactor."""

import asyncio
from collections.abc import Sequence
from typing import Any

from scrapy.crawler import Crawler
from scrapy.settings import Settings
from scrapy.statscollectors import MemoryStatsCollector
from sqlalchemy import Engine

from propspider.pipelines.diff import DiffPipeline
from propspider.pipelines.postgres import PostgresPipeline
from propspider.pipelines.quality import QualityPipeline
from propspider.pipelines.validation import ValidationPipeline
from propspider.spiders.detail import DetailSpider
from propspider.sync.runs import SessionRef
from tests.builders import new_session


class Pipeline:
    def __init__(self, engine: Engine) -> None:
        self.crawler = Crawler(DetailSpider, Settings())
        self.crawler.stats = MemoryStatsCollector(self.crawler)
        self.spider = DetailSpider()
        self.crawler.spider = self.spider
        self.session: SessionRef = new_session(engine, "detail")
        self.spider.session = self.session
        self.postgres = PostgresPipeline.from_crawler(self.crawler)
        self._before: tuple[Any, ...] = (
            ValidationPipeline.from_crawler(self.crawler),
            QualityPipeline(),
            DiffPipeline(),
        )

    def stat(self, name: str) -> Any:
        assert self.crawler.stats is not None
        return self.crawler.stats.get_value(f"propspider/{name}", 0)

    async def put(self, item: Any) -> Any:
        for step in self._before:
            item = step.process_item(item)
        return await self.postgres.process_item(item)

    def store(self, *items: Any) -> None:
        """One batch, flushed at its end."""
        self.store_batches([items])

    def store_batches(self, batches: Sequence[Sequence[Any]]) -> None:
        async def feed() -> None:
            for batch in batches:
                for item in batch:
                    await self.put(item)
                await self.postgres.close_spider()

        asyncio.run(feed())
