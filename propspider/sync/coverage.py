"""How many of a session's detail pages have each field filled, and which fields of it are as well filled as usual. The caller
commits.
"""

import json
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from operator import attrgetter
from statistics import median
from typing import Any

from sqlalchemy import Connection, select

from propspider.db.models import SyncMetadata
from propspider.db.prepared import Pipeline
from propspider.items import PropertyItem
from propspider.sync import statement
from propspider.sync.compare import DETAIL_COLUMNS

PAGES = "pages"
WATCHED = ("description", "property_type", "city", "latitude", "bedrooms", "total_area_m2", "offers", "images")
"""Those whose share a session is measured by; sync.unusual."""

FEWEST_PAGES = 20
"""A share of fewer says nothing."""
SESSIONS, FEWEST_SESSIONS = 20, 3
HEALTHY_SHARE = 0.9
"""Of the median of the sessions before."""

_VALUES: Mapping[str, Callable[[PropertyItem], Any]] = {
    **{name: attrgetter(name) for name in DETAIL_COLUMNS},
    "offers": lambda item: item.offers or None,
    "images": lambda item: item.main_image_url or item.image_urls,
}


def _count(items: Collection[PropertyItem]) -> dict[str, int]:
    filled = {name: len(items) - list(map(value, items)).count(None) for name, value in _VALUES.items()}
    return {PAGES: len(items), **filled}


def add(pipe: Pipeline, session_id: uuid.UUID, items: Collection[PropertyItem]) -> None:
    """Counts pages that were read, whether or not they brought anything new."""
    pipe.send(statement("coverage_add"), {"session_id": session_id, "filled": json.dumps(_count(items))})


def healthy(connection: Connection, session_id: uuid.UUID, portal: str, items: Collection[PropertyItem]) -> frozenset[str]:
    """Fields that the session's pages have about as often as those of the sessions before, with `items` that are not counted
    yet. None of a session of few pages, or without sessions before it.
    """
    now = _count(items)
    before = connection.execute(select(SyncMetadata.filled).where(SyncMetadata.session_id == session_id)).scalar_one()
    now = {name: count + before.get(name, 0) for name, count in now.items()}
    if now[PAGES] < FEWEST_PAGES:
        return frozenset()
    parameters = {"session_id": session_id, "portal": portal, "fewest": FEWEST_PAGES, "most": SESSIONS}
    history = connection.execute(statement("coverage_before"), parameters).scalars().all()
    return frozenset(name for name in DETAIL_COLUMNS if _is_healthy(name, now, history))


def _is_healthy(name: str, now: Mapping[str, int], history: Sequence[Mapping[str, int]]) -> bool:
    past = [one[name] / one[PAGES] for one in history if name in one]
    return len(past) >= FEWEST_SESSIONS and now[name] / now[PAGES] >= HEALTHY_SHARE * median(past)


def of_session(connection: Connection, session_id: uuid.UUID) -> tuple[int, dict[str, float]]:
    """Pages, and the share of them that has each of WATCHED filled; no shares where there was no page."""
    found: dict[str, int] = dict(
        connection.execute(select(SyncMetadata.filled).where(SyncMetadata.session_id == session_id)).scalar_one()
    )
    pages = found.pop(PAGES, 0)
    return pages, {name: found[name] / pages for name in WATCHED if name in found} if pages else {}
