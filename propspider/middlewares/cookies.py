"""Sends a portal's cookies file with the pages that it is for. Without such a file there are no cookies at all."""

from http.cookiejar import Cookie as JarCookie
from http.cookiejar import DefaultCookiePolicy
from typing import Self

import structlog
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.http import Response
from scrapy.http.cookies import CookieJar

from propspider import config
from propspider.cookies import Cookie, CookiesFile, load

log = structlog.get_logger(__name__)


class CookiesFileMiddleware:
    """Keeps what the portal sets in reply for as long as the crawl lasts, so that a session that is renewed stays open."""

    def __init__(self, file: CookiesFile) -> None:
        # The policy's default sends a cookie of example.com to www.example.com even when it says "this host only".
        self._jar = CookieJar(DefaultCookiePolicy(strict_ns_domain=DefaultCookiePolicy.DomainStrictNonDomain))
        for cookie in file.cookies:
            self._jar.set_cookie(_for_jar(cookie))

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        portal = getattr(crawler.spider, "portal", None)  # none in `scrapy shell`
        override = config.load().portals.get(portal.name) if portal else None
        if portal is None or override is None or override.cookies_file is None:
            raise NotConfigured
        file = load(override.cookies_file, portal.hosts)
        if file.expired:
            log.warning("cookies partly expired", file=str(file.path), expired=file.expired, usable=len(file.cookies))
        return cls(file)

    def process_request(self, request: Request) -> None:
        # A redirected or retried request is a copy: what was right for its first address may be wrong for this one.
        request.headers.pop("Cookie", None)
        if not request.meta.get("playwright"):  # the browser has them already
            self._jar.add_cookie_header(request)

    def process_response(self, request: Request, response: Response) -> Response:
        if not request.meta.get("playwright"):
            self._jar.extract_cookies(response, request)
        return response


def _for_jar(cookie: Cookie) -> JarCookie:
    domain = cookie.domain if "." in cookie.domain else f"{cookie.domain}.local"  # the library's name for localhost
    return JarCookie(
        version=0,
        name=cookie.name,
        value=cookie.value,
        port=None,
        port_specified=False,
        domain=domain if cookie.host_only else f".{domain}",
        domain_specified=not cookie.host_only,
        domain_initial_dot=not cookie.host_only,
        path=cookie.path,
        path_specified=True,
        secure=cookie.secure,
        expires=None if cookie.expires is None else int(cookie.expires),
        discard=cookie.expires is None,
        comment=None,
        comment_url=None,
        rest={"HttpOnly": ""} if cookie.http_only else {},
    )
