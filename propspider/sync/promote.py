"""Detail pages: staged, compared with live, written with their history, and their queue rows settled, in one transaction."""

import json
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection

from propspider.db.models import PropertyStaging
from propspider.db.prepared import run
from propspider.items import PropertyItem
from propspider.sync import queue, statement
from propspider.sync.cases import see_on_own_page
from propspider.sync.compare import DETAIL_COLUMNS, detail_insert, detail_update
from propspider.sync.locks import lock_listings
from propspider.sync.merge import merge_provisional
from propspider.sync.offers import OfferChange, apply, offers_json, undecided
from propspider.sync.prices import Action, decide, stated
from propspider.sync.runs import Counts, SessionRef

DETAIL_REASON = "detail page"

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


@dataclass(frozen=True)
class _Known:
    content_hash: str | None
    detail_at: datetime | None
    priced_at: datetime | None
    is_live: bool
    listing_status: str | None
    status_at: datetime | None


def promote(connection: Connection, session: SessionRef, items: Sequence[PropertyItem]) -> Counts:
    """Stores items of one portal that have passed validation; their claims are settled as completed.

    An item older than what is known is staged as `outdated` and changes nothing. The hash of an item stands for its page
    only while no other writer has touched live.
    """
    started = time.monotonic()
    newest = _newest(items)
    moved = {i.property_id: i.claim.property_id for i in items if i.claim is not None and i.claim.property_id != i.property_id}
    ids = lock_listings(connection, session.portal, [*newest, *moved.values()])
    for property_id, provisional in moved.items():
        merge_provisional(connection, provisional, newest[property_id])
    known = _known(connection, ids)

    kinds = {property_id: _kind(item, known[property_id]) for property_id, item in newest.items()}
    _stage(connection, session, newest, kinds)
    changes, unsettled = _write_offers(connection, newest, kinds, known)
    parameters = {"session_id": session.id, "parser_version": session.parser_version, "reason": DETAIL_REASON}
    new = _of_kind(kinds, "new")
    if new:
        run(connection, detail_insert(), {**parameters, "property_ids": new})
    candidates = _of_kind(kinds, "updated")
    written: set[str] = set()
    if candidates:
        written = {row[0] for row in run(connection, detail_update(), {**parameters, "property_ids": candidates})}
        _mark_unchanged(connection, session, sorted(set(candidates) - written))
    if written:
        connection.execute(statement("aliases_of_details"), {"session_id": session.id, "property_ids": sorted(written)})
    current = {property_id: _observed(newest[property_id]) for property_id, kind in kinds.items() if kind != "outdated"}
    see_on_own_page(connection, current, known, session_id=session.id)
    _stamp_state(connection, newest, kinds, known, unsettled)
    queue.complete(connection, [(item.claim, _observed(item)) for item in items if item.claim is not None])
    unchanged = len(_of_kind(kinds, "unchanged")) + len(candidates) - len(written)
    return Counts(
        scraped=len(items),
        new=len(new),
        updated=len(written),
        unchanged=unchanged,
        held=sum(change.decision.action is Action.HOLD for change in changes),
        outdated=len(_of_kind(kinds, "outdated")) + len(items) - len(newest),
        quality_sum=float(sum(item.data_completeness_score or 0 for item in newest.values())),
        warnings=sum(len(item.warnings) for item in items),
        promotion_ms=round((time.monotonic() - started) * 1000),
    )


def _observed(item: PropertyItem) -> datetime:
    if item.observed_at is None:
        raise ValueError("an item that arrives says when it was fetched")
    return item.observed_at


def _newest(items: Sequence[PropertyItem]) -> dict[str, PropertyItem]:
    newest: dict[str, PropertyItem] = {}
    for item in sorted(items, key=_observed):
        newest[item.property_id] = item
    return newest


def _known(connection: Connection, ids: Sequence[str]) -> dict[str, _Known]:
    rows = connection.execute(statement("state_known"), {"property_ids": list(ids)}).all()
    return {
        row.property_id: _Known(row.content_hash, row.detail_at, row.priced_at, row.is_live, row.listing_status, row.status_at)
        for row in rows
    }


def _kind(item: PropertyItem, known: _Known) -> str:
    """`updated` is a candidate here: the comparison may still find nothing."""
    if known.detail_at is not None and _observed(item) < known.detail_at:
        return "outdated"
    if not known.is_live:
        return "new"
    return "unchanged" if item.content_hash is not None and item.content_hash == known.content_hash else "updated"


def _of_kind(kinds: Mapping[str, str], kind: str) -> list[str]:
    return sorted(property_id for property_id, found in kinds.items() if found == kind)


def _stage(connection: Connection, session: SessionRef, newest: Mapping[str, PropertyItem], kinds: Mapping[str, str]) -> None:
    connection.execute(statement("staging_clear"), {"session_id": session.id, "property_ids": sorted(newest)})
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    # A field that no item has is not sent: a third of them, at a price for each row here and there.
    columns = {name: _values(name, newest.values()) for name in DETAIL_COLUMNS}
    columns = {name: values for name, values in columns.items() if any(value is not None for value in values)}
    copied = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(PropertyStaging.__tablename__), sql.SQL(", ").join(map(sql.Identifier, (*_OF_THE_READING, *columns)))
    )
    with driver.cursor() as cursor, cursor.copy(copied) as copy:
        for item, of_page in zip(newest.values(), zip(*columns.values(), strict=True), strict=True):
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
        _observed(item),
        item.content_hash or "",
        item.data_completeness_score,
        "processed",
        kind,
    )


def _mark_unchanged(connection: Connection, session: SessionRef, ids: Sequence[str]) -> None:
    if ids:
        connection.execute(statement("staging_unchanged"), {"session_id": session.id, "property_ids": list(ids)})


def _write_offers(
    connection: Connection, newest: Mapping[str, PropertyItem], kinds: Mapping[str, str], known: Mapping[str, _Known]
) -> tuple[list[OfferChange], set[str]]:
    """The changes, and the listings of which an offer was or is held or missed."""
    fresh = [property_id for property_id, kind in kinds.items() if kind in {"new", "updated"}]
    offers = undecided(connection, {property_id: newest[property_id].offers for property_id in sorted(fresh)}) if fresh else {}
    changes = [
        OfferChange(property_id, decision)
        for property_id, known_offers in offers.items()
        for decision in decide(
            known_offers,
            stated(newest[property_id].offers, _observed(newest[property_id])),
            newest=known[property_id].priced_at,
            source="detail",
        )
    ]
    apply(connection, changes, source="detail")
    unsettled = {property_id for property_id, of in offers.items() if any(offer.is_unsettled for offer in of.values())}
    unsettled |= {change.property_id for change in changes if change.decision.action in {Action.HOLD, Action.MISS}}
    return changes, unsettled


def _stamp_state(
    connection: Connection,
    newest: Mapping[str, PropertyItem],
    kinds: Mapping[str, str],
    known: Mapping[str, _Known],
    unsettled: Collection[str],
) -> None:
    """No hash, so that the next read is compared even if it is the same page: for items whose offers a newer listing page has
    overtaken, and for those of which an offer is held or missed.
    """
    current = {property_id: item for property_id, item in newest.items() if kinds[property_id] != "outdated"}

    def hash_of(item: PropertyItem) -> str | None:
        priced_at = known[item.property_id].priced_at
        overtaken = priced_at is not None and _observed(item) < priced_at
        return None if overtaken or item.property_id in unsettled else item.content_hash

    if current:
        connection.execute(
            statement("state_stamp"),
            {
                "property_ids": list(current),
                "hashes": [hash_of(item) for item in current.values()],
                "observed": [_observed(item) for item in current.values()],
            },
        )
