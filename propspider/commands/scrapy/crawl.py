"""`scrapy crawl`, which checks arguments and database before it starts and exits non-zero when the crawl failed."""

import argparse
import sys
from typing import Any

from scrapy.commands import crawl
from scrapy.exceptions import UsageError

from propspider import config
from propspider.db.engine import DatabaseUnavailable, get_engine
from propspider.db.transactions import ConnectionLost, in_transaction
from propspider.extensions.run_record import OUTCOME_STAT, REASON_STAT
from propspider.spiders.base import PortalSpider, SpiderArgumentError
from propspider.sync import breaker


class Command(crawl.Command):
    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if len(args) != 1:
            raise UsageError("one spider at a time: scrapy crawl manifest -a pages=100")
        assert self.crawler_process is not None  # noqa: S101 - set by Scrapy before run
        try:
            spider_class = self.crawler_process.spider_loader.load(args[0])
        except KeyError as error:
            raise UsageError(
                f"no spider {args[0]!r}; there are: {', '.join(self.crawler_process.spider_loader.list())}"
            ) from error
        if issubclass(spider_class, PortalSpider):
            self._check(spider_class, opts.spargs)
        crawler = self.crawler_process.create_crawler(spider_class)
        self.crawler_process.crawl(crawler, **opts.spargs)
        self.crawler_process.start()
        outcome = crawler.stats.get_value(OUTCOME_STAT) if crawler.stats else None
        if self.crawler_process.bootstrap_failed or outcome == "failed":
            self.exitcode = 1
            if outcome == "failed" and crawler.stats:
                sys.stderr.write(f"crawl failed: {crawler.stats.get_value(REASON_STAT)}\n")

    def _check(self, spider_class: type[PortalSpider], arguments: dict[str, Any]) -> None:
        settings = config.load()
        try:
            _, portal, _ = spider_class.resolve(arguments, settings)
            spider_class.check_equipment(portal, settings)
        except SpiderArgumentError as error:
            raise UsageError(str(error), print_help=False) from error
        if "url" in arguments:
            return
        try:
            in_transaction(get_engine(), lambda connection: breaker.check(connection, portal.name))
        except (DatabaseUnavailable, ConnectionLost, breaker.PortalPaused) as error:
            sys.stderr.write(f"propspider: {error}\n")
            raise SystemExit(1) from error
