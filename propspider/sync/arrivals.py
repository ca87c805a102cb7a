"""Listing pages into the manifest: cards, sightings, offers, the prices of live rows, and what is to be fetched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy import Connection

from propspider.db.models import PropertyManifest, SweepPage
from propspider.fields.listing_id import internal_number, is_provisional
from propspider.items import CrawlError, ErrorType, ManifestEntry, ManifestPage, Offer
from propspider.sync import queue, statement
from propspider.sync.compare import price_update
from propspider.sync.locks import lock_listings
from propspider.sync.offers import known_offers, write_offers
from propspider.sync.prices import KnownOffer, OfferKey, changed_offers, is_worth_a_request
from propspider.sync.runs import Counts, SessionRef

PRICE_REASON = "list price"


@dataclass(frozen=True)
class _Known:
    detail_at: datetime | None
    priced_at: datetime | None
    is_live: bool
    is_queued: bool


@dataclass(frozen=True)
class _PriceChange:
    entry: ManifestEntry
    observed_at: datetime
    old: Offer | None
    new: Offer


def record_pages(connection: Connection, session: SessionRef, pages: Sequence[ManifestPage], *, pages_wanted: int) -> Counts:
    """Stores pages of one portal. `pages_wanted`: what the walk was asked for, 0 = all."""
    pages = _with_known_ids(connection, session.portal, pages)
    sweeps = _stamp_sweeps(connection, session, pages, pages_wanted)
    newest = _newest_entries(pages)
    ids = lock_listings(connection, session.portal, newest)
    known = _known(connection, ids)
    offers = known_offers(connection, ids)

    found = _write_cards(connection, session, newest)
    _write_sightings(connection, session.portal, pages, sweeps)
    changes = _price_changes(newest, _newest_offers(pages), known, offers)
    write_offers(connection, [(c.entry.property_id, c.new, c.observed_at) for c in changes], source="manifest")
    _write_live_prices(connection, session, [c for c in changes if known[c.entry.property_id].is_live])
    queued = queue.enqueue(connection, session.portal, _wants(newest, known, changes))
    return Counts(
        pages=len(pages),
        entries=sum(len(page.entries) for page in pages),
        found=found,
        price_changes=sum(change.old is not None for change in changes),
        queued=queued,
        warnings=sum(len(page.warnings) for page in pages),
    )


def record_failed_pages(connection: Connection, session: SessionRef, errors: Sequence[CrawlError], *, pages_wanted: int) -> None:
    """Counts the pages of each walk that could not be read. A page that the portal says is not there ends the walk early
    (its depth cap); one that only had a bad card was read.
    """
    for scope in sorted({error.scope for error in errors if error.scope is not None}):
        lost = [error for error in errors if error.scope == scope and error.error_type not in _OF_A_CARD]
        beyond = [error for error in lost if error.error_type is ErrorType.GONE and (error.page or 1) > 1]
        if lost:
            connection.execute(
                statement("sweep_failed"),
                {
                    "portal": session.portal,
                    "scope": scope,
                    "session_id": session.id,
                    "pages_wanted": pages_wanted,
                    "failed": len(lost) - len(beyond),
                    "cap_hit": bool(beyond),
                },
            )


_OF_A_CARD = frozenset({ErrorType.CARD, ErrorType.STORE})


def _observed(page: ManifestPage) -> datetime:
    if page.observed_at is None:
        raise ValueError("a page that arrives says when it was fetched")
    return page.observed_at


def _with_known_ids(connection: Connection, portal: str, pages: Sequence[ManifestPage]) -> list[ManifestPage]:
    """Cards that show an internal number only get the listing's public id where it is known."""
    numbers = {internal_number(e.property_id) for page in pages for e in page.entries if is_provisional(e.property_id)}
    if not numbers:
        return list(pages)
    table = PropertyManifest.__table__
    rows = connection.execute(
        sa.select(table.c.internal_id, table.c.property_id)
        .where(table.c.portal == portal, table.c.internal_id.in_(numbers))
        .order_by(table.c.property_id.desc())
    )
    public = {row.internal_id: row.property_id for row in rows if not is_provisional(row.property_id)}

    def resolved(entry: ManifestEntry) -> ManifestEntry:
        if not is_provisional(entry.property_id):
            return entry
        return attrs.evolve(entry, property_id=public.get(internal_number(entry.property_id), entry.property_id))

    return [attrs.evolve(page, entries=tuple(resolved(entry) for entry in page.entries)) for page in pages]


def _stamp_sweeps(
    connection: Connection, session: SessionRef, pages: Sequence[ManifestPage], pages_wanted: int
) -> Mapping[str, int]:
    """Scope → sweep id; opens the sweeps, adds to their counters and keeps the pages."""
    sweeps: dict[str, int] = {}
    for scope in sorted({page.scope for page in pages}):
        walked = [page for page in pages if page.scope == scope]
        totals = [page.stated_total for page in walked if page.stated_total is not None]
        sweeps[scope] = connection.execute(
            statement("sweep_add"),
            {
                "portal": session.portal,
                "scope": scope,
                "session_id": session.id,
                "pages_wanted": pages_wanted,
                "fetched": len(walked),
                "cards": sum(page.cards for page in walked),
                "entries": sum(len(page.entries) for page in walked),
                "first_total": totals[0] if totals else None,
                "last_total": totals[-1] if totals else None,
                "cap_hit": any(page.cap_hit for page in walked),
            },
        ).scalar_one()
    rows = [
        {
            "sweep_id": sweeps[page.scope],
            "page": page.page,
            "url": page.url,
            "observed_at": _observed(page),
            "cards": page.cards,
            "stated_total": page.stated_total,
            "property_ids": [entry.property_id for entry in page.entries],
        }
        for page in pages
    ]
    if rows:
        connection.execute(sa.insert(SweepPage), rows)
    return sweeps


def _newest_entries(pages: Sequence[ManifestPage]) -> dict[str, tuple[ManifestEntry, datetime]]:
    newest: dict[str, tuple[ManifestEntry, datetime]] = {}
    for page in sorted(pages, key=_observed):
        for entry in page.entries:
            held = newest.get(entry.property_id)
            newest[entry.property_id] = (entry if held is None else _over(held[0], entry), _observed(page))
    return newest


def _over(older: ManifestEntry, newer: ManifestEntry) -> ManifestEntry:
    """The newer card, with the facts that only the older one states: as if each had come in a flush of its own."""
    only_older = {
        field.name: getattr(older, field.name) for field in attrs.fields(ManifestEntry) if getattr(newer, field.name) is None
    }
    return attrs.evolve(newer, **only_older)


def _newest_offers(pages: Sequence[ManifestPage]) -> dict[str, dict[OfferKey, tuple[Offer, datetime]]]:
    """Each offer of a listing with the time of the newest card that states it."""
    newest: dict[str, dict[OfferKey, tuple[Offer, datetime]]] = {}
    for page in sorted(pages, key=_observed):
        for entry in page.entries:
            newest.setdefault(entry.property_id, {}).update(
                {(offer.operation, offer.unit): (offer, _observed(page)) for offer in entry.offers}
            )
    return newest


def _known(connection: Connection, ids: Sequence[str]) -> dict[str, _Known]:
    rows = connection.execute(statement("state_known"), {"property_ids": list(ids)})
    return {row.property_id: _Known(row.detail_at, row.priced_at, row.is_live, row.is_queued) for row in rows}


def _write_cards(connection: Connection, session: SessionRef, newest: Mapping[str, tuple[ManifestEntry, datetime]]) -> int:
    """How many listings the manifest did not have."""
    if not newest:
        return 0
    cards = list(newest.values())
    rows = connection.execute(
        statement("manifest_upsert"),
        {
            "portal": session.portal,
            "session_id": session.id,
            "property_ids": [entry.property_id for entry, _ in cards],
            "source_urls": [entry.source_url for entry, _ in cards],
            "internal_ids": [entry.internal_id for entry, _ in cards],
            "titles": [entry.title for entry, _ in cards],
            "types": [entry.property_type.value if entry.property_type else None for entry, _ in cards],
            "latitudes": [entry.latitude for entry, _ in cards],
            "longitudes": [entry.longitude for entry, _ in cards],
            "exact": [entry.exact_location for entry, _ in cards],
            "observed": [observed_at for _, observed_at in cards],
        },
    )
    return sum(row.inserted for row in rows)


def _write_sightings(connection: Connection, portal: str, pages: Sequence[ManifestPage], sweeps: Mapping[str, int]) -> None:
    sightings: dict[tuple[str, str], dict[str, Any]] = {}
    for page in sorted(pages, key=_observed):
        for entry in page.entries:
            held = sightings.get((entry.property_id, page.scope), {})
            sightings[entry.property_id, page.scope] = {
                "seen": _observed(page),
                "priced": _observed(page) if entry.offers else held.get("priced"),
                "page": page.page,
            }
    if not sightings:
        return
    connection.execute(
        statement("sighting_upsert"),
        {
            "portal": portal,
            "property_ids": [property_id for property_id, _ in sightings],
            "scopes": [scope for _, scope in sightings],
            "sweeps": [sweeps[scope] for _, scope in sightings],
            "pages": [sighting["page"] for sighting in sightings.values()],
            "seen": [sighting["seen"] for sighting in sightings.values()],
            "priced": [sighting["priced"] for sighting in sightings.values()],
        },
    )


def _price_changes(
    newest: Mapping[str, tuple[ManifestEntry, datetime]],
    stated: Mapping[str, Mapping[OfferKey, tuple[Offer, datetime]]],
    known: Mapping[str, _Known],
    offers: Mapping[str, Mapping[OfferKey, KnownOffer]],
) -> list[_PriceChange]:
    changes = []
    for property_id, (entry, _) in newest.items():
        facts = known[property_id]
        looked_at = max((at for at in (facts.detail_at, facts.priced_at) if at is not None), default=None)
        held = offers.get(property_id, {})
        for offer, observed_at in stated[property_id].values():
            for old, new in changed_offers(held, [offer], observed_at=observed_at, newest=looked_at):
                changes.append(_PriceChange(entry, observed_at, old, new))
    return changes


def _write_live_prices(connection: Connection, session: SessionRef, changes: Sequence[_PriceChange]) -> None:
    """One statement for each time of observation, since history carries it."""
    latest: dict[str, datetime] = {}
    for change in sorted(changes, key=lambda change: change.observed_at):
        latest[change.entry.property_id] = change.observed_at
    by_time: dict[datetime, set[str]] = {}
    for property_id, observed_at in latest.items():
        by_time.setdefault(observed_at, set()).add(property_id)
    for observed_at, ids in sorted(by_time.items()):
        parameters = {
            "property_ids": sorted(ids),
            "session_id": session.id,
            "observed_at": observed_at,
            "reason": PRICE_REASON,
        }
        written = list(connection.execute(price_update(), parameters).scalars())
        if written:
            connection.execute(statement("state_forget_hash"), {"property_ids": written})


def _wants(
    newest: Mapping[str, tuple[ManifestEntry, datetime]], known: Mapping[str, _Known], changes: Sequence[_PriceChange]
) -> list[queue.Want]:
    """Listings whose detail page was never stored, and those whose price moved far enough. A dead letter waits for requeue."""
    wants = [
        queue.Want(property_id, entry.source_url, "new_property")
        for property_id, (entry, _) in newest.items()
        if known[property_id].detail_at is None and not known[property_id].is_queued
    ]
    wants += [
        queue.Want(change.entry.property_id, change.entry.source_url, "price_change")
        for change in changes
        if known[change.entry.property_id].detail_at is not None and is_worth_a_request(change.old, change.new)
    ]
    return wants
