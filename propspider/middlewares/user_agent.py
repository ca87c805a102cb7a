"""Several names in turn, where an installation asks for it. robots.txt is fetched under our own."""

from collections.abc import Sequence
from itertools import cycle
from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from propspider import config


class UserAgentsMiddleware:
    """A retried or redirected request keeps its name."""

    def __init__(self, agents: Sequence[str]) -> None:
        self._agents = cycle(agents)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        agents = config.load().user_agents
        if not agents:
            raise NotConfigured
        return cls(agents)

    def process_request(self, request: Request) -> None:
        if not request.meta.get("dont_obey_robotstxt"):  # only robots.txt itself
            request.headers.setdefault("User-Agent", next(self._agents))
