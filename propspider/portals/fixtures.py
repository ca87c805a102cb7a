"""Golden pages in web-poet's fixture format; its pytest plugin runs them."""

from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import attrs
from itemadapter import ItemAdapter
from web_poet import HttpResponse
from web_poet.utils import get_fq_class_name

from propspider.portals.contract import Portal, UnreadablePage
from propspider.portals.judgement import PageKind

_KEPT_HEADERS = frozenset({"content-type", "last-modified", "etag"})


class FixtureItemAdapter(ItemAdapter):
    """Items as JSON: money and times as text, sets sorted. Every field is written, so that a field that goes missing fails."""

    def asdict(self) -> dict[str, Any]:
        return attrs.asdict(self.item, value_serializer=_as_json)


def _as_json(_owner: object, _field: object, value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return value


def save(portal: Portal, kind: PageKind, response: HttpResponse, base_dir: Path) -> Path:
    """Write `<base_dir>/<page class>/test-N` with what the page object reads now, or the refusal of an unreadable page.

    Only headers that say what the body is are kept: cookies never reach a fixture.
    """
    # Brings time-machine, which nothing but fixtures needs.
    from web_poet.testing import Fixture

    page_class = portal.page_class(kind)
    headers = [(name, value) for name, value in response.headers.items() if name.lower() in _KEPT_HEADERS]
    saved = HttpResponse(url=str(response.url), body=bytes(response.body), status=response.status, headers=headers)
    item, refusal = None, None
    try:
        item = portal.listing_page(saved) if kind == "listing" else portal.detail_page(saved)
    except UnreadablePage as error:
        refusal = error
    folder = base_dir / get_fq_class_name(page_class)
    folder.mkdir(parents=True, exist_ok=True)
    fixture = Fixture.save(folder, inputs=[saved], item=item, exception=refusal, meta={"adapter": FixtureItemAdapter})
    return fixture.path
