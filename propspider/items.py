"""What flows from pages to the database: frozen values, no columns, no parsing, no I/O."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

import attrs
from attrs import field, frozen

from propspider.fields.text import clean, clean_line, storable


def _cents(amount: Decimal | None) -> Decimal | None:
    """As the database stores it, so that what is compared is what was written."""
    try:
        return None if amount is None else amount.quantize(Decimal("0.01"))
    except InvalidOperation:
        # More digits than any price has: the server refuses it, and the flush isolates what brought it.
        return amount


def _message(text: str | None) -> str:
    return clean_line(text) or ""


class Operation(StrEnum):
    SALE = "sale"
    RENT = "rent"
    TEMPORARY_RENT = "temporary_rent"
    FORECLOSURE = "foreclosure"
    NEW_CONSTRUCTION = "new_construction"


class PriceKind(StrEnum):
    EXACT = "exact"
    FROM = "from"
    RANGE = "range"
    ON_REQUEST = "on_request"


class PriceUnit(StrEnum):
    TOTAL = "total"
    SQUARE_METER = "square_meter"


class PropertyType(StrEnum):
    APARTMENT = "apartment"
    HOUSE = "house"
    CONDOMINIUM_HOUSE = "condominium_house"
    LOT = "lot"
    QUINTA = "quinta"
    RANCH = "ranch"
    VILLA = "villa"
    BUILDING = "building"
    COMMERCIAL_LOT = "commercial_lot"
    COMMERCIAL_STORAGE = "commercial_storage"
    FARM = "farm"
    COMMERCIAL_HOUSE = "commercial_house"
    OFFICE = "office"
    RETAIL = "retail"
    MALL_SPACE = "mall_space"
    INDUSTRIAL_LOT = "industrial_lot"
    INDUSTRIAL_WAREHOUSE = "industrial_warehouse"
    WAREHOUSE = "warehouse"


class ErrorType(StrEnum):
    """Closed vocabulary of scraping_errors.error_type."""

    DOWNLOAD = "download"
    HTTP_STATUS = "http_status"
    BLOCKED = "blocked"
    LOGIN = "login"
    GONE = "gone"
    OFF_SITE = "off_site"
    ROBOTS = "robots"
    WRONG_PAGE = "wrong_page"
    UNREADABLE = "unreadable"
    EMPTY_PAGE = "empty_page"
    REPEATED_PAGE = "repeated_page"
    FILTER_IGNORED = "filter_ignored"
    CARD = "card"
    PAGE_GATE = "page_gate"
    OTHER_LISTING = "other_listing"
    OTHER_LANGUAGE = "other_language"
    VALIDATION = "validation"
    PARSE = "parse"
    STORE = "store"


@frozen
class Offer:
    """One price of one operation. `amount` is None exactly when the price is on request; `amount_max` is set only for a range."""

    operation: Operation = field(converter=Operation)
    kind: PriceKind = field(default=PriceKind.EXACT, converter=PriceKind)
    amount: Decimal | None = field(default=None, converter=_cents)
    currency: str | None = None
    unit: PriceUnit = field(default=PriceUnit.TOTAL, converter=PriceUnit)
    amount_max: Decimal | None = field(default=None, converter=_cents)

    def __attrs_post_init__(self) -> None:
        if (self.amount is None) != (self.kind is PriceKind.ON_REQUEST):
            raise ValueError("an offer has an amount unless its price is on request")
        if (self.amount is None) != (self.currency is None):
            raise ValueError("a currency goes with an amount")
        if (self.amount_max is not None) != (self.kind is PriceKind.RANGE):
            raise ValueError("a range, and only a range, has a second amount")


_PREFERENCE = list(Operation)


def primary_offer(offers: Iterable[Offer]) -> Offer | None:
    """The offer that stands for a listing not seen before: a total before a price per m², then the order of `Operation`."""
    return min(offers, key=lambda o: (o.unit is not PriceUnit.TOTAL, _PREFERENCE.index(o.operation)), default=None)


@frozen
class Claim:
    """A leased queue row; settled by id and lease_no in the transaction that stores its result."""

    queue_id: int
    lease_no: int
    property_id: str


@frozen
class Problem:
    """Something on a page that could not be read; the rest of the page stands."""

    error_type: ErrorType
    message: str = field(converter=_message)
    raw: Any = field(default=None, converter=storable)


@frozen
class ManifestEntry:
    """One card of a listing page. Coordinates in degrees; `exact_location` False means a neighbourhood's centre."""

    property_id: str
    source_url: str
    title: str | None = field(default=None, converter=clean_line)
    latitude: float | None = None
    longitude: float | None = None
    exact_location: bool | None = None
    offers: tuple[Offer, ...] = ()
    internal_id: str | None = None
    property_type: PropertyType | None = None


@frozen
class Part:
    """The listings of a scope that one filtered walk shows; all of them where nothing is set.

    Prices are inclusive whole amounts of totals of `operation` in `currency`, both set when a bound is.
    """

    property_type: PropertyType | None = None
    place: str | None = None
    price_from: int | None = None
    price_to: int | None = None
    currency: str | None = None
    operation: Operation | None = None

    @property
    def name(self) -> str:
        """'' for the whole scope, else such as `house/nuevo-leon/0-1500000`; unique within a scope."""
        prices = None
        if self.currency is not None:
            prices = f"{self.price_from or 0}-{'' if self.price_to is None else self.price_to}"
        return "/".join(filter(None, (self.property_type, self.place, prices)))


WHOLE = Part()


@frozen
class ManifestPage:
    """One listing page. `cards` counts all, read or not, once where one is shown twice; `next_page` is None on the last page.

    A page object leaves scope, url, observed_at and all that follows them empty; the spider fills them in.
    """

    entries: tuple[ManifestEntry, ...]
    stated_total: int | None
    page: int
    next_page: int | None
    cards: int = 0
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    """Stat names such as `type/unknown`, one per occurrence."""
    portal: str = ""
    scope: str = ""
    url: str = ""
    observed_at: datetime | None = None
    cap_hit: bool = False
    """The portal serves no page after this one although the walk has more."""
    part: Part = WHOLE
    mismatched: int = 0
    """Cards that the part's predicate does not allow."""


@frozen
class Division:
    """From here on `part` of a scope is walked by its `children`. `ignored`: a filter that the portal turned out to ignore;
    what the part was divided into before does not count. Without children the part is walked as far as the portal shows it.
    """

    portal: str
    scope: str
    part: Part
    children: tuple[Part, ...]
    observed_at: datetime
    ignored: str | None = None


@frozen
class SitemapPage:
    """Detail pages that a portal's sitemap lists, as they are stored: present when it was fetched."""

    portal: str
    url: str
    listing_urls: tuple[str, ...]
    observed_at: datetime


@frozen
class PropertyItem:
    """One detail page, named as the columns of properties_live. None means the page does not say;
    `stated_empty` names the fields of which the page says that there is nothing.

    Areas in m², coordinates in degrees, `published_at` aware. `title` and `description` are in `language`;
    `title_original` and `description_original` are set only where the page shows a translation beside its original.
    """

    property_id: str
    source_url: str
    title: str | None = field(default=None, converter=clean_line)
    title_original: str | None = field(default=None, converter=clean_line)
    description: str | None = field(default=None, converter=clean)
    description_original: str | None = field(default=None, converter=clean)
    language: str | None = None
    property_type: PropertyType | None = None
    offers: tuple[Offer, ...] = ()
    address: str | None = field(default=None, converter=clean_line)
    street: str | None = field(default=None, converter=clean_line)
    unit: str | None = field(default=None, converter=clean_line)
    door: str | None = field(default=None, converter=clean_line)
    neighborhood: str | None = field(default=None, converter=clean_line)
    city: str | None = field(default=None, converter=clean_line)
    state: str | None = field(default=None, converter=clean_line)
    postal_code: str | None = field(default=None, converter=clean_line)
    country: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    exact_location: bool | None = None
    bedrooms: int | None = None
    bathrooms: int | None = None
    half_bathrooms: int | None = None
    parking_spaces: int | None = None
    total_area_m2: Decimal | None = None
    covered_area_m2: Decimal | None = None
    lot_size_m2: Decimal | None = None
    floor_number: int | None = None
    total_floors: int | None = None
    age_years: int | None = None
    construction_year: int | None = None
    condition: str | None = field(default=None, converter=clean_line)
    features: tuple[str, ...] | None = None
    amenities: dict[str, list[str]] | None = field(default=None, converter=storable)
    """Group title → amenities, in the page's order and words."""
    main_image_url: str | None = None
    image_urls: tuple[str, ...] | None = None
    virtual_tour_url: str | None = None
    video_url: str | None = None
    agent_name: str | None = field(default=None, converter=clean_line)
    agent_phone: str | None = None
    agent_email: str | None = None
    agency_name: str | None = field(default=None, converter=clean_line)
    message_url: str | None = None
    is_featured: bool | None = None
    is_premium: bool | None = None
    listing_date: date | None = None
    published_at: datetime | None = None
    internal_id: str | None = None

    stated_empty: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
    portal: str = ""
    observed_at: datetime | None = None
    claim: Claim | None = None
    data_completeness_score: Decimal | None = None
    content_hash: str | None = None


@frozen
class CrawlError:
    """Ends as one row of scraping_errors; settles its claim as a failed attempt in the same transaction."""

    portal: str
    error_type: ErrorType
    message: str = field(converter=_message)
    url: str | None = field(default=None, converter=clean_line)
    status: int | None = None
    property_id: str | None = None
    scope: str | None = None
    page: int | None = None
    raw_item: Any = field(default=None, converter=storable)
    claim: Claim | None = None


CONTEXT_FIELDS = frozenset(
    {"stated_empty", "warnings", "portal", "observed_at", "claim", "data_completeness_score", "content_hash"}
)
"""Fields of PropertyItem that describe the observation, not the property."""

DATA_FIELDS = tuple(a.name for a in attrs.fields(PropertyItem) if a.name not in CONTEXT_FIELDS)
