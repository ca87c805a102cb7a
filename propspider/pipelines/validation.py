"""100: what live cannot do without. A reject becomes an error row that keeps the raw item; nothing is dropped."""

from typing import Any, Self

from itemadapter import ItemAdapter
from scrapy.crawler import Crawler

from propspider.fields.listing_id import portal_of
from propspider.item_json import plain
from propspider.items import CrawlError, ErrorType, PropertyItem

REQUIRED = ("property_id", "source_url", "title", "observed_at")
_COUNTS = ("bedrooms", "bathrooms", "half_bathrooms", "parking_spaces", "total_floors", "age_years", "construction_year")
_AREAS = ("total_area_m2", "covered_area_m2", "lot_size_m2")
_SMALLINT = 32767
_LARGEST_AREA = 10**12


class ValidationPipeline:
    def __init__(self, crawler: Crawler) -> None:
        self._stats = crawler.stats

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_item(self, item: Any) -> Any:
        if not isinstance(item, PropertyItem):
            return item
        faults = list(_faults(item))
        if not faults:
            for warning in item.warnings:
                self._stats.inc_value(f"propspider/warning/{warning}")
            return item
        return CrawlError(
            portal=item.portal,
            error_type=ErrorType.VALIDATION,
            message="; ".join(faults),
            url=item.source_url,
            property_id=item.property_id,
            raw_item=plain(item),
            claim=item.claim,
        )


def _faults(item: PropertyItem) -> list[str]:
    fields = ItemAdapter(item)
    faults = [f"{name} is missing" for name in REQUIRED if fields.get(name) is None]
    if portal_of(item.property_id) != item.portal:
        faults.append(f"property_id {item.property_id!r} is not of portal {item.portal!r}")
    if not item.source_url.startswith(("http://", "https://")):
        faults.append("source_url is not http(s)")
    faults += [f"{name} is out of range: {fields[name]}" for name in _COUNTS if not _within(fields[name], 0, _SMALLINT)]
    faults += [f"{name} is out of range: {fields[name]}" for name in _AREAS if not _within(fields[name], 0, _LARGEST_AREA)]
    if not _within(item.latitude, -90, 90) or not _within(item.longitude, -180, 180):
        faults.append(f"coordinates are out of range: {item.latitude}, {item.longitude}")
    if (item.latitude is None) != (item.longitude is None):
        faults.append("one coordinate without the other")
    return faults


def _within(value: Any, low: float, high: float) -> bool:
    return value is None or low <= value <= high
