"""200: how complete the item is. Live's own score is generated from the merged row."""

from typing import Any

import attrs
from itemadapter import ItemAdapter

from propspider.items import PropertyItem, primary_offer
from propspider.quality.scoring import completeness


class QualityPipeline:
    def process_item(self, item: Any) -> Any:
        if not isinstance(item, PropertyItem):
            return item
        primary = primary_offer(item.offers)
        row = {**ItemAdapter(item), "price": primary.amount if primary else None}
        return attrs.evolve(item, data_completeness_score=completeness(row))
