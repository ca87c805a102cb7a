"""300: a hash of everything the page says of the property. The same hash as last time: unchanged; else SQL decides."""

import hashlib
import json
from typing import Any

import attrs
from itemadapter import ItemAdapter

from propspider.items import DATA_FIELDS, PropertyItem


class DiffPipeline:
    def process_item(self, item: Any) -> Any:
        return attrs.evolve(item, content_hash=content_hash(item)) if isinstance(item, PropertyItem) else item


def content_hash(item: PropertyItem) -> str:
    """64 hex digits; independent of the order of offers and of amenity groups, and of when and where the page was read."""
    fields = ItemAdapter(item)
    values = {name: fields[name] for name in DATA_FIELDS if name != "offers"}
    values["offers"] = sorted([str(value) for value in attrs.astuple(offer)] for offer in item.offers)
    values["stated_empty"] = sorted(item.stated_empty)
    return hashlib.sha256(
        json.dumps(values, sort_keys=True, default=str, ensure_ascii=False).encode(errors="surrogatepass")
    ).hexdigest()
