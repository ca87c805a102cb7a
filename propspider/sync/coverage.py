"""How many of a session's detail pages have each of a few fields filled. The caller commits."""

import json
import uuid
from collections.abc import Callable, Collection, Mapping
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, select

from propspider.db.models import SyncMetadata
from propspider.db.prepared import Pipeline
from propspider.items import PropertyItem
from propspider.sync import statement

PAGES = "pages"

_VALUES: Mapping[str, Callable[[PropertyItem], Any]] = {
    **{name: attrgetter(name) for name in ("description", "property_type", "city", "latitude", "bedrooms", "total_area_m2")},
    "offers": lambda item: item.offers or None,
    "images": lambda item: item.main_image_url or item.image_urls,
}


def add(pipe: Pipeline, session_id: uuid.UUID, items: Collection[PropertyItem]) -> None:
    """Counts pages that were read, whether or not they brought anything new."""
    filled = {name: len(items) - list(map(value, items)).count(None) for name, value in _VALUES.items()}
    pipe.send(statement("coverage_add"), {"session_id": session_id, "filled": json.dumps({PAGES: len(items), **filled})})


def of_session(connection: Connection, session_id: uuid.UUID) -> tuple[int, dict[str, float]]:
    """Pages, and the share of them that has each field filled; no shares where there was no page."""
    found: dict[str, int] = dict(
        connection.execute(select(SyncMetadata.filled).where(SyncMetadata.session_id == session_id)).scalar_one()
    )
    pages = found.pop(PAGES, 0)
    return pages, {name: count / pages for name, count in found.items()} if pages else {}
