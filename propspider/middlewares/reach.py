"""Requests go to the portal's own hosts only, redirects and robots.txt included, and never to a private address."""

import asyncio
import ipaddress
import socket
from typing import ClassVar, Self
from urllib.parse import urlsplit

import structlog
from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.utils.spider import DefaultSpider

from propspider import config
from propspider.items import ErrorType

log = structlog.get_logger(__name__)

_DEFAULT_PORTS = {"http": 80, "https": 443}
_DNS_SECONDS = 60.0


class Refused(IgnoreRequest):
    """A request that was never sent. Reaches the errback; `error_type` is what its error row carries."""

    error_type: ClassVar[ErrorType] = ErrorType.OFF_SITE


class OffSite(Refused):
    """The URL is not on one of the portal's own hosts."""


class PrivateAddress(Refused):
    """The host resolves to an address inside somebody's network, and PROPSPIDER_ALLOW_PRIVATE is not set."""


class ReachMiddleware:
    def __init__(self, crawler: Crawler, *, allow_private: bool) -> None:
        self._crawler = crawler
        self._allow_private = allow_private
        self._addresses: dict[str, tuple[float, tuple[str, ...]]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler, allow_private=config.load().allow_private)

    async def process_request(self, request: Request) -> None:
        spider = self._crawler.spider
        # `scrapy shell` and `scrapy fetch` run without a portal: a person named the URL.
        if not isinstance(spider, DefaultSpider) and not is_own(request.url, _hosts(spider)):
            raise self._refused("off_site", request, OffSite(f"{request.url[:200]} is not on the portal's own hosts"))
        if self._allow_private:
            return
        host = urlsplit(request.url).hostname or ""
        for address in await self._resolve(host):
            if is_private(address):
                trouble = PrivateAddress(f"{host} resolves to the private address {address}")
                raise self._refused("private_address", request, trouble)

    def _refused(self, stat: str, request: Request, error: Refused) -> Refused:
        self._crawler.stats.inc_value(f"propspider/reach/{stat}")
        log.info("request refused", url=request.url, reason=str(error))
        return error

    async def _resolve(self, host: str) -> tuple[str, ...]:
        """Empty for a name that does not resolve: the downloader says that better, and retries it."""
        loop = asyncio.get_running_loop()
        expires, addresses = self._addresses.get(host, (0.0, ()))
        if expires > loop.time():
            return addresses
        try:
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except socket.gaierror:
            return ()
        addresses = tuple({str(entry[4][0]) for entry in found})
        self._addresses[host] = (loop.time() + _DNS_SECONDS, addresses)
        return addresses


def is_own(url: str, hosts: frozenset[str]) -> bool:
    """`hosts` are netlocs; the scheme's default port may be left out on either side. Credentials in a URL are never own."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in _DEFAULT_PORTS or parts.hostname is None or "@" in parts.netloc:
        return False
    if parts.netloc.lower() in hosts:
        return True
    default = _DEFAULT_PORTS[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return port in {None, default} and (host in hosts or f"{host}:{default}" in hosts)


def is_private(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    return not ip.is_global or ip.is_multicast


def _hosts(spider: Spider | None) -> frozenset[str]:
    hosts: frozenset[str] = spider.hosts  # type: ignore[union-attr]
    return hosts
