"""What the spiders may ask of a portal. Everything else about a portal stays in its own folder."""

import hashlib
import importlib
import ipaddress
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from web_poet import HttpResponse, WebPage

from propspider.items import WHOLE, ManifestPage, Operation, Part, PropertyItem, PropertyType
from propspider.overrides import TierLevel, TierOverride
from propspider.portals import judgement
from propspider.portals.judgement import Judgement, PageKind

Language = Annotated[str, Field(pattern=r"^[a-z]{2}$")]


class UnknownPortal(LookupError):
    """No portal of this name; the message lists those there are."""


class PortalFileError(ValueError):
    """A portal.toml or pages.py that breaks the contract; the message names the file and the key."""


class BaseUrlRefused(ValueError):
    """A base_url that is no http(s) address, or a private one without PROPSPIDER_ALLOW_PRIVATE=1."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Scope(_Table):
    """One listing walk. `path` is relative to base_url; `operation` stands for cards that state none."""

    path: str = Field(pattern=r"^/")
    operation: Operation


class Signs(_Table):
    """How a kind of page is told: any status, any case-insensitive marker in the body, any part of the final URL."""

    statuses: frozenset[int] = frozenset()
    markers: tuple[str, ...] = ()
    url_parts: tuple[str, ...] = ()

    @cached_property
    def _lowered(self) -> tuple[bytes, ...]:
        return tuple(marker.lower().encode() for marker in self.markers)

    def match(self, response: HttpResponse, lowered_body: bytes) -> str | None:
        """The sign that was seen, for the error row."""
        if response.status in self.statuses:
            return f"status {response.status}"
        url = str(response.url)
        for part in self.url_parts:
            if part in url:
                return f"url has {part!r}"
        for marker in self._lowered:
            if marker in lowered_body:
                return f"body has {marker.decode()!r}"
        return None


class SweepBounds(_Table):
    """What a full walk of a scope must reach to be COMPLETE, all shares of 1; sync.verdict applies them."""

    complete_share: float = Field(default=0.98, gt=0, le=1)
    """Distinct listings of the smaller of the first and the last stated total."""
    failed_share: float = Field(default=0.005, ge=0, le=1)
    parsed_share: float = Field(default=0.99, ge=0, le=1)
    void_share: float = Field(default=0.5, ge=0, le=1)
    """Below this share of what the complete sweep before it held, a walk says nothing."""
    abort_share: float = Field(default=0.1, ge=0, le=1)
    """With more than this share of its pages failed a crawl ends as failed."""


class Removal(_Table):
    """When a listing is asked about and when it is believed to be gone."""

    min_missing: int = Field(default=2, ge=1)
    """COMPLETE sweeps that must have missed it, in every scope where it was seen."""
    method: Literal["head_get", "get"] = "head_get"
    quarantine_share: float = Field(default=0.05, gt=0, le=1)
    """Of a scope's listings: more removals wait for an approval, until 8 complete sweeps tell what is usual."""
    quarantine_at_least: int = Field(default=5, ge=0)
    """So many removals of a scope at once are never quarantined."""


class Split(_Table):
    """How a scope with more listings than the portal shows is walked in parts: by `order`, until each part fits.

    Values are what the portal's URLs call a type or a place; `prices`: the portal filters by a range in its own currency.
    `scopes` are those that can be split; empty = all.
    """

    scopes: tuple[str, ...] = ()

    order: tuple[Literal["type", "place", "price"], ...] = ("type", "place", "price")
    types: dict[PropertyType, str] = Field(default_factory=dict)
    places: dict[str, str] = Field(default_factory=dict)
    prices: bool = False


class PortalFacts(_Table):
    """portal.toml. `page_cap` is the last page that the portal serves of one walk; None = no cap known."""

    title: str
    base_url: str = Field(pattern=r"^https?://[^/]+$")
    domains: tuple[str, ...] = Field(min_length=1)
    sitemap_hosts: tuple[str, ...] = ()
    time_zone: str
    country: str = Field(pattern=r"^[A-Z]{2}$")
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    rendering: Literal["http", "browser"] = "http"
    delay_seconds: float = Field(ge=0)
    requests_per_day: int = Field(gt=0)
    queue_ceiling: int = Field(default=10_000, gt=0)
    """Detail pages that wait in the queue at most; what more is in need follows as it empties."""
    page_cap: int | None = Field(default=None, gt=0)
    max_page_bytes: int = Field(default=5_000_000, gt=0)
    max_page_tags: int = Field(default=50_000, gt=0)
    """Parsing takes quadratic time in the depth of nested tags; a real page has a few thousand."""
    scopes: dict[str, Scope] = Field(min_length=1)
    listing_markers: tuple[str, ...] = Field(min_length=1)
    """A page with none of these is not a listing page of this portal."""
    detail_markers: tuple[str, ...] = Field(min_length=1)
    closing_marker: str = "</html>"
    """The end of every whole page; a page without it was cut off. Empty where pages do not show that they are whole."""
    languages: dict[Language, tuple[str, ...]] = Field(default_factory=dict)
    """What the paths of pages in a language begin with; the longest that fits counts. Empty: there is one language."""
    blocked: Signs
    login: Signs = Signs()
    gone: Signs = Signs(statuses=frozenset({404, 410}))
    sold: Signs = Signs()
    withdrawn: Signs = Signs()
    sweep: SweepBounds = SweepBounds()
    removal: Removal = Removal()
    split: Split | None = None
    tiers: dict[TierLevel, TierOverride] = Field(default_factory=dict)
    """What is other than in the tier table; an installation's variables come before it."""
    sitemap: str | None = Field(default=None, pattern=r"^/")
    """Path of the sitemap or its index on base_url; what it lists may be on `sitemap_hosts` as well."""

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        from zoneinfo import ZoneInfo

        ZoneInfo(value)
        return value

    @model_validator(mode="after")
    def _base_is_own(self) -> "PortalFacts":
        if urlsplit(self.base_url).hostname not in self.domains:
            raise ValueError("base_url is not on one of the portal's own domains")
        return self

    @model_validator(mode="after")
    def _split_scopes_are_known(self) -> "PortalFacts":
        if self.split is not None and (unknown := set(self.split.scopes) - set(self.scopes)):
            raise ValueError(f"split.scopes names no scope of this portal: {sorted(unknown)}")
        return self


@dataclass(frozen=True, kw_only=True)
class Portal:
    """A portal as the spiders see it. `base_url` differs from `facts.base_url` when a mirror serves its pages:
    stored URLs are always the portal's own (`site_url`), fetched ones the mirror's (`fetch_url`).
    """

    name: str
    facts: PortalFacts
    base_url: str

    @cached_property
    def is_mirrored(self) -> bool:
        return self.base_url != self.facts.base_url

    @cached_property
    def hosts(self) -> frozenset[str]:
        """netlocs that may be fetched: the portal's own, or the mirror alone."""
        return frozenset({urlsplit(self.base_url).netloc} if self.is_mirrored else self.facts.domains)

    def with_base(self, base_url: str | None, *, allow_private: bool) -> "Portal":
        """The same portal read from another address. Raises BaseUrlRefused."""
        if base_url is None:
            return self
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise BaseUrlRefused(f"base_url must be http(s)://host[:port], not {base_url!r}")
        if not allow_private and is_private_host(parts.hostname):
            raise BaseUrlRefused(
                f"{parts.hostname} is a private address; set PROPSPIDER_ALLOW_PRIVATE=1 to read a portal from it"
            )
        return Portal(name=self.name, facts=self.facts, base_url=f"{parts.scheme}://{parts.netloc}")

    def owns(self, url: str) -> bool:
        """True for http(s) URLs on the portal's own hosts or its mirror."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            return False
        if parts.scheme not in {"http", "https"} or parts.username or parts.password:
            return False
        on_own_port = port in {None, 80, 443}
        return (host in self.facts.domains and on_own_port) or parts.netloc == urlsplit(self.base_url).netloc

    def site_url(self, url: str) -> str:
        """The URL as the portal publishes it, without fragment: what is stored."""
        return _on_base(url, self.facts.base_url)

    def fetch_url(self, url: str) -> str:
        """The URL to request: on the mirror where there is one."""
        return _on_base(url, self.base_url) if self.is_mirrored else url

    def page_url(self, scope: str, page: int, part: Part = WHOLE) -> str:
        """Raises KeyError for an unknown scope or a type or place without a name in `split`; ValueError for a part, other than
        the whole, of a scope that cannot be split, or with prices that are not in the portal's currency.
        """
        walk = self.facts.base_url + self.facts.scopes[scope].path
        if part != WHOLE:
            if not self.can_split(scope):
                raise ValueError(f"{self.name} cannot show parts of {scope}")
            if part.currency not in {None, self.facts.currency}:
                raise ValueError(f"{self.name} filters prices in {self.facts.currency}, not in {part.currency}")
            walk = self._pages.part_url(self, scope, part)
        return self.fetch_url(self._pages.page_url(walk, page))

    def can_split(self, scope: str) -> bool:
        """False where the portal has no URLs for parts of the scope; True for an unknown scope of a portal that splits all."""
        split = self.facts.split
        return split is not None and (not split.scopes or scope in split.scopes)

    @property
    def sitemap_url(self) -> str | None:
        return None if self.facts.sitemap is None else self.base_url + self.facts.sitemap

    @cached_property
    def sitemap_hosts(self) -> frozenset[str]:
        """netlocs from which its sitemap may be fetched."""
        return self.hosts if self.is_mirrored else self.hosts | frozenset(self.facts.sitemap_hosts)

    def listing_url(self, url: str) -> str | None:
        """The URL under which a listing is stored, whatever its language; None for what is no detail page of the portal."""
        found: str | None = self._pages.listing_url(self, url) if self.owns(url) else None
        return found

    def nowhere_url(self, number: int) -> str:
        """A detail page that never existed: what the portal answers where there is nothing."""
        return self.fetch_url(self._pages.nowhere_url(self, number))

    def page_number(self, url: str) -> int:
        return int(self._pages.page_number(url))

    def language_of(self, url: str) -> str | None:
        """In which a page is, by its URL; None where the portal's URLs do not tell."""
        path = urlsplit(url).path
        fitting = [
            (len(root), language) for language, roots in self.facts.languages.items() for root in roots if path.startswith(root)
        ]
        return max(fitting)[1] if fitting else None

    def judge(self, response: HttpResponse, kind: PageKind, *, asked: str | None = None) -> tuple[Judgement, str]:
        """What the response is and the sign that told. Order: blocked and login before gone, for a wall is no removal; sold
        and withdrawn before it, for they say more. `asked`: the URL that was asked for, where the response is of another.
        """
        body = bytes(response.body)
        lowered = body.lower()
        for signs, found in (
            (self.facts.blocked, Judgement.BLOCKED),
            (self.facts.login, Judgement.LOGIN),
            (self.facts.sold, Judgement.SOLD),
            (self.facts.withdrawn, Judgement.WITHDRAWN),
            (self.facts.gone, Judgement.GONE),
        ):
            if sign := signs.match(response, lowered):
                return found, sign
        if response.status is not None and not 200 <= response.status < 300:
            return Judgement.HTTP_STATUS, f"status {response.status}"
        refused = judgement.of_body(self.facts, body, lowered, kind)
        if refused is None and (wanted := self.language_of(asked or str(response.url))):
            refused = judgement.of_language(wanted, self.language_of(str(response.url)), lowered)
        return refused or (Judgement.OK, "")

    def shows_a_page(self, response: HttpResponse) -> bool:
        """Whether it is a page of the portal of any kind, wrong as it may be where it was found."""
        lowered = bytes(response.body).lower()
        return any(marker.lower().encode() in lowered for marker in (*self.facts.listing_markers, *self.facts.detail_markers))

    def listing_page(self, response: HttpResponse, *, operation: Operation | None = None) -> ManifestPage:
        """Read a page that was judged OK. `operation` stands for cards that state none."""
        page: ManifestPage = self._pages.ListingPage(response).read(self, operation)
        return page

    def detail_page(self, response: HttpResponse) -> PropertyItem:
        """Read a page that was judged OK. Raises UnreadablePage when it does not even name its listing."""
        item: PropertyItem = self._pages.DetailPage(response).read(self)
        return item

    def page_class(self, kind: PageKind) -> type[WebPage[Any]]:
        cls: type[WebPage[Any]] = self._pages.ListingPage if kind == "listing" else self._pages.DetailPage
        return cls

    @cached_property
    def _pages(self):  # type: ignore[no-untyped-def]
        return importlib.import_module(f"{__package__}.{self.name}.pages")

    @cached_property
    def parser_version(self) -> str:
        """12 hex digits that change when the portal's folder or the shared converters do; readable from a zipped egg."""
        digest = hashlib.sha256()
        for folder in (files(__package__).joinpath(self.name), files("propspider.fields")):
            for entry in sorted(folder.iterdir(), key=lambda e: e.name):
                if entry.name.endswith((".py", ".toml")):
                    digest.update(entry.name.encode() + b"\0" + entry.read_bytes())
        return digest.hexdigest()[:12]


class UnreadablePage(ValueError):
    """A page that passed for the right kind but lacks what names its listing."""


def is_private_host(host: str) -> bool:
    """True for localhost names and addresses that are not globally routable; False for other names (checked again after DNS)."""
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def _on_base(url: str, base: str) -> str:
    parts = urlsplit(url)
    target = urlsplit(base)
    return urlunsplit((target.scheme, target.netloc, parts.path, parts.query, ""))


def _folders() -> dict[str, Traversable]:
    here = files(__package__)
    return {entry.name: entry for entry in here.iterdir() if entry.is_dir() and entry.joinpath("portal.toml").is_file()}


def names() -> list[str]:
    """Portals there are, by the folders that hold a portal.toml."""
    return sorted(_folders())


def load(name: str, changes: Mapping[str, Any] = MappingProxyType({})) -> Portal:
    """`changes`: keys of portal.toml, and of its tables, that an installation has its own values for.

    Raises UnknownPortal, PortalFileError.
    """
    folder = _folders().get(name)
    if folder is None:
        raise UnknownPortal(f"no portal {name!r}; there are: {', '.join(names())}")
    try:
        stated = tomllib.loads(folder.joinpath("portal.toml").read_text(encoding="utf-8"))
        tables = {key: stated.get(key, {}) | value for key, value in changes.items() if isinstance(value, dict)}
        facts = PortalFacts.model_validate({**stated, **changes, **tables})
    except ValueError as error:
        raise PortalFileError(f"portals/{name}/portal.toml: {error}") from error
    return Portal(name=name, facts=facts, base_url=facts.base_url)
