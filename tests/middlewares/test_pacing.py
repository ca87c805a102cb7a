from concurrent.futures import ThreadPoolExecutor

import pytest
from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.robotstxt import ProtegoRobotParser
from scrapy.settings import Settings

from propspider.middlewares.pacing import PacingMiddleware

from .loopback import Crawl, Site


def _middleware(*, delay_seconds: float) -> PacingMiddleware:
    crawler = Crawler(Spider, Settings({"USER_AGENT": "propspider/0.1 (+https://example.com)"}))
    crawler.spider = Spider("probe")
    crawler.spider.delay_seconds = delay_seconds  # type: ignore[attr-defined]
    return PacingMiddleware.from_crawler(crawler)


@pytest.mark.parametrize(
    ("own", "robots", "expected"),
    [
        (1.5, "User-agent: *\nCrawl-delay: 1", 1.5),
        (1.5, "User-agent: *\nCrawl-delay: 10", 10.0),
        (0.0, "User-agent: propspider\nCrawl-delay: 2.5\n\nUser-agent: *\nCrawl-delay: 9", 2.5),
        (1.5, "User-agent: *\nCrawl-delay: inf", 1.5),
        (1.5, "User-agent: *\nCrawl-delay: soon", 1.5),
        (0.0, "User-agent: *\nDisallow:", 0.0),
    ],
)
def test_the_slower_of_the_portals_pace_and_the_hosts_crawl_delay_holds(own: float, robots: str, expected: float) -> None:
    middleware = _middleware(delay_seconds=own)
    parser = ProtegoRobotParser(robots.encode(), None)
    middleware.learn_crawl_delay(parser, Request("https://www.example.com/a"))
    assert middleware.delay_seconds("www.example.com") == expected
    assert middleware.delay_seconds("other.example.com") == own


def test_without_a_pace_the_database_is_not_asked(site: Site, crawl: Crawl) -> None:
    crawled = crawl(site.url(), [site.url("/a")], env={"DATABASE_URL": "postgresql://127.0.0.1:1/nowhere"})
    assert [page["status"] for page in crawled.pages] == [200]


def test_every_request_waits_its_turn_robots_txt_and_retries_included(site: Site, crawl: Crawl, database_url: str) -> None:
    site.answers["/broken"] = (500, {}, "")
    crawl(site.url(), [site.url("/a"), site.url("/broken")], delay=0.2, env={"DATABASE_URL": database_url})
    assert len(site.requested) == 6
    assert min(site.gaps) >= 0.15  # asked for 0.2: when a socket is served is the machine's scheduler's


def test_a_crawl_delay_in_robots_txt_slows_the_crawl_down(site: Site, crawl: Crawl, database_url: str) -> None:
    site.robots("User-agent: *\nCrawl-delay: 0.4")
    crawl(site.url(), [site.url("/a"), site.url("/b")], delay=0.1, env={"DATABASE_URL": database_url})
    assert min(site.gaps[1:]) >= 0.3


def test_two_processes_share_one_pace(site: Site, crawl: Crawl, database_url: str) -> None:
    urls = [site.url("/a"), site.url("/b"), site.url("/c")]
    with ThreadPoolExecutor(max_workers=2) as pool:
        runs = [pool.submit(crawl, site.url(), urls, delay=0.2, env={"DATABASE_URL": database_url}) for _ in range(2)]
        for run in runs:
            run.result()
    assert len(site.requested) == 8
    assert min(site.gaps) >= 0.15  # two processes' sockets: allow for the scheduler of the machine
