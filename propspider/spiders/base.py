"""What the spiders share: validated arguments, the portal, and how a response becomes an item or a typed error."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self
from uuid import UUID

import scrapy
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider
from scrapy.http import Response
from twisted.python.failure import Failure
from web_poet import HttpResponse, HttpResponseHeaders

from propspider import cookies, portals
from propspider.browser import BrowserUnavailable, crawl_settings, executable
from propspider.config import Config, load
from propspider.items import Claim, CrawlError, ErrorType
from propspider.middlewares.fetched import META_KEY
from propspider.middlewares.pacing import CrawlEnding, Throttled
from propspider.middlewares.reach import Refused
from propspider.middlewares.robots import RobotsUnreadable
from propspider.portals import Judgement, Portal
from propspider.portals.judgement import PageKind

if TYPE_CHECKING:
    from propspider.sync.leases import Lease
    from propspider.sync.runs import SessionRef
    from propspider.sync.sweeps import Interrupted


_SHOWS_NOTHING = frozenset(
    {Judgement.LOGIN, Judgement.WRONG_PAGE, Judgement.EMPTY_PAGE, Judgement.UNREADABLE, Judgement.OTHER_LANGUAGE}
)
_MISSED_IN_A_ROW: dict[PageKind, int] = {"listing": 3, "detail": 5}
"""Different pages without the portal's markers and no good one between: a wall that no sign of portal.toml tells of."""
_ELSEWHERE_IN_A_ROW = 25
"""Of all that show something else; the portal's own pages among them, where listings that are gone lead to a search."""


class SpiderArgumentError(ValueError):
    """-a arguments that do not fit; the message names each at fault."""


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


CommaList = Annotated[list[str], BeforeValidator(_split)]


class SpiderArgs(BaseModel):
    """Arguments of every spider. `base_url` reads the portal from a mirror. `run` and `fence`: the tier run that this crawl is a
    step of, and the fence of its lease; what the crawl flushes after somebody took the run over is refused. `slower`: times the
    portal's delay.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    portal: str | None = None
    base_url: str | None = None
    run: UUID | None = None
    fence: int | None = None
    slower: float = Field(default=1.0, ge=1)

    @model_validator(mode="after")
    def _a_run_has_a_fence(self) -> Self:
        if (self.run is None) != (self.fence is None):
            raise ValueError("run and fence go together")
        return self


class PortalSpider(scrapy.Spider):
    """`stores` False: nothing of this crawl is recorded or stored."""

    args_model: ClassVar[type[SpiderArgs]] = SpiderArgs
    args: SpiderArgs
    stores = True
    detail_pages: ClassVar[bool] = False
    """True for spiders that fetch detail pages, which a portal may want rendered by a browser."""
    session: "SessionRef | None" = None
    """Set by the run record before the first request; None in a crawl that stores nothing. So are the two that follow."""
    leases: "tuple[Lease, ...]" = ()
    """Its own, and that of the run that it is a step of: every flush checks their fences."""
    interrupted: "Interrupted" = MappingProxyType({})
    scopes: Sequence[str] = ()
    """What it sweeps."""
    unused_answers = 0
    """Those that left neither a row nor an error: asked for again, or come too late."""
    failure: str | None = None
    """Why a crawl that came to its end failed all the same."""

    def __init__(self, *positional: Any, config: Config | None = None, **arguments: Any) -> None:
        super().__init__(*positional)
        config = config or load()
        self.args, self.portal, self.delay_seconds = self.resolve(arguments, config)
        self.check_equipment(self.portal, config)
        self._missed: dict[str, bool] = {}
        """Pages in a row that showed something else, and whether that was none of the portal's."""

    @classmethod
    def resolve(cls, arguments: dict[str, Any], config: Config) -> tuple[Any, Portal, float]:
        """Arguments, portal and delay of a crawl. Raises SpiderArgumentError."""
        given = {key: value for key, value in arguments.items() if not key.startswith("_")}  # scrapyd adds _job
        try:
            args = cls.args_model.model_validate(given)
            name = args.portal or config.default_portal
            override = config.portals.get(name)
            portal = portals.load(name, config.facts_of(name)).with_base(
                args.base_url or (override.base_url if override else None), allow_private=config.allow_private
            )
        except ValidationError as error:
            known = ", ".join(cls.args_model.model_fields)
            faults = "; ".join(f"-a {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise SpiderArgumentError(f"{faults} (arguments: {known})") from error
        except (portals.UnknownPortal, portals.BaseUrlRefused, portals.PortalFileError) as error:
            raise SpiderArgumentError(str(error)) from error
        cls.check(args, portal)
        return args, portal, portal.facts.delay_seconds * args.slower

    @classmethod
    def check(cls, args: Any, portal: Portal) -> None:
        """What the model alone cannot know. Raises SpiderArgumentError."""

    @classmethod
    def check_equipment(cls, portal: Portal, config: Config) -> None:
        """The cookies file and the browser that a crawl will need. Raises SpiderArgumentError."""
        override = config.portals.get(portal.name)
        try:
            if override is not None and override.cookies_file is not None:
                cookies.load(override.cookies_file, portal.hosts)
            if cls.renders(portal):
                executable.find(config)
        except (cookies.CookiesFileError, executable.NoBrowser) as error:
            raise SpiderArgumentError(str(error)) from error

    @classmethod
    def renders(cls, portal: Portal) -> bool:
        return cls.detail_pages and portal.facts.rendering == "browser"

    @property
    def hosts(self) -> frozenset[str]:
        """netlocs that this crawl may ask."""
        return self.portal.hosts

    @property
    def lease_names(self) -> list[str]:
        """What nobody else may do while this crawl runs."""
        return []

    def after_exception(self, response: Response) -> Iterator[Any]:
        """What a callback of this response still owed when it raised; its error was recorded."""
        return iter(())

    @property
    def page_meta(self) -> dict[str, Any]:
        """Of requests for detail pages."""
        return {"playwright": True} if self.renders(self.portal) else {}

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        if (override := load().portals.get(spider.portal.name)) is not None and override.obey_robots is not None:
            crawler.settings.set("ROBOTSTXT_OBEY", override.obey_robots, "spider")
        if cls.renders(spider.portal):
            crawl_settings.apply(crawler.settings, load())
        return spider

    @property
    def window(self) -> int:
        """Requests worth having under way: one after another at a polite pace, where more would only wait."""
        return 1 if self.delay_seconds else int(self.settings["CONCURRENT_REQUESTS_PER_DOMAIN"])

    def judged(self, response: Response, kind: PageKind, **context: Any) -> Iterator[CrawlError]:
        """Nothing for a page that can be read, else its error. Raises CloseSpider after the error of a block; so many different
        pages in a row that show nothing of the portal are one.
        """
        asked = response.meta.get("redirect_urls", [response.url])[0]
        judgement, sign = self.portal.judge(http_response(response), kind, asked=asked)
        if judgement is Judgement.OK:
            self._missed.clear()
            return
        if judgement in _SHOWS_NOTHING:
            self._missed[asked] = not self.portal.shows_a_page(http_response(response))
            if sum(self._missed.values()) >= _MISSED_IN_A_ROW[kind] or len(self._missed) >= _ELSEWHERE_IN_A_ROW:
                judgement, sign = Judgement.BLOCKED, f"{len(self._missed)} pages in a row were not what was asked for; {sign}"
        yield self.error(judgement.error_type, sign, response=response, **context)
        if judgement is Judgement.BLOCKED:
            raise CloseSpider("blocked")

    def error(
        self,
        error_type: ErrorType,
        message: str,
        *,
        response: Response | None = None,
        url: str | None = None,
        claim: Claim | None = None,
        scope: str | None = None,
        page: int | None = None,
        raw_item: Any = None,
    ) -> CrawlError:
        return CrawlError(
            portal=self.portal.name,
            error_type=error_type,
            message=message,
            url=url or (response.url if response is not None else None),
            status=response.status if response is not None else None,
            claim=claim,
            scope=scope,
            page=page,
            raw_item=raw_item,
        )

    def failed(self, failure: Failure, **context: Any) -> Iterator[CrawlError]:
        """The error of a request that brought no response; none of one that the end of the crawl overtook.
        Raises CloseSpider after it when no other request can do better.
        """
        request = failure.request  # type: ignore[attr-defined]
        exception = failure.value
        if isinstance(exception, CrawlEnding):
            return
        error_type = exception.error_type if isinstance(exception, Refused) else ErrorType.DOWNLOAD
        message = f"{type(exception).__name__}: {exception}".removesuffix(": ")
        yield self.error(error_type, message, url=request.url, **context)
        if isinstance(exception, RobotsUnreadable):
            raise CloseSpider("robots_unreadable")
        if isinstance(exception, Throttled):
            raise CloseSpider("throttled")
        if isinstance(exception, BrowserUnavailable):
            raise CloseSpider("browser_unavailable")


def http_response(response: Response) -> HttpResponse:
    """The response as page objects read it."""
    return HttpResponse(
        url=response.url,
        body=response.body,
        status=response.status,
        headers=HttpResponseHeaders.from_bytes_dict(response.headers),
    )


def fetched_at(response: Response) -> datetime:
    moment: datetime = response.meta[META_KEY]
    return moment
