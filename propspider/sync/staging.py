"""Detail items as rows of property_scrapes_staging. The caller holds the listings' locks and commits."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from psycopg import sql
from sqlalchemy import Connection

from propspider.db.models import PropertyStaging
from propspider.db.prepared import driver_of
from propspider.items import PropertyItem
from propspider.sync import statement
from propspider.sync.compare import DETAIL_COLUMNS
from propspider.sync.offers import offers_json
from propspider.sync.runs import SessionRef

_JSON_COLUMNS = frozenset({"features", "amenities", "image_urls"})
_OF_THE_READING = (
    "session_id",
    "property_id",
    "portal",
    "offers",
    "stated_empty",
    "warnings",
    "observed_at",
    "content_hash",
    "data_completeness_score",
    "processing_status",
    "change_type",
)


def observed(item: PropertyItem) -> datetime:
    """Raises ValueError for an item that never arrived."""
    if item.observed_at is None:
        raise ValueError("an item that arrives says when it was fetched")
    return item.observed_at


def stage(connection: Connection, session: SessionRef, items: Sequence[PropertyItem], kinds: Mapping[str, str]) -> None:
    """One item a listing; a session's earlier row of it goes. `kinds`: listing → its change_type."""
    if not items:
        return
    ids = [item.property_id for item in items]
    connection.execute(statement("staging_clear"), {"session_id": session.id, "property_ids": ids})
    # A field that no item has is not sent: a third of them, at a price for each row here and there.
    columns = {name: _values(name, items) for name in DETAIL_COLUMNS}
    columns = {name: values for name, values in columns.items() if any(value is not None for value in values)}
    copied = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(PropertyStaging.__tablename__), sql.SQL(", ").join(map(sql.Identifier, (*_OF_THE_READING, *columns)))
    )
    with driver_of(connection).cursor() as cursor, cursor.copy(copied) as copy:
        for item, of_page in zip(items, zip(*columns.values(), strict=True), strict=True):
            copy.write_row((*_reading(session, item, kinds[item.property_id]), *of_page))


def _values(name: str, items: Iterable[PropertyItem]) -> list[Any]:
    values = list(map(attrgetter(name), items))
    return [None if value is None else _json(value) for value in values] if name in _JSON_COLUMNS else values


_json = json.JSONEncoder(check_circular=False).encode
"""As text, which COPY takes for jsonb: a wrapper costs as much as the encoding."""


def _reading(session: SessionRef, item: PropertyItem, kind: str) -> tuple[Any, ...]:
    return (
        session.id,
        item.property_id,
        session.portal,
        _json(offers_json(item.offers)),
        sorted(item.stated_empty),
        list(item.warnings),
        observed(item),
        item.content_hash or "",
        item.data_completeness_score,
        "processed",
        kind,
    )


def mark_unchanged(connection: Connection, session: SessionRef, ids: Sequence[str]) -> None:
    if ids:
        connection.execute(statement("staging_unchanged"), {"session_id": session.id, "property_ids": list(ids)})
