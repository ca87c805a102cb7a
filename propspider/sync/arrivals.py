"""Listing pages into the manifest: cards, sightings, offers, the prices of live rows, and what is to be fetched."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import attrs
import sqlalchemy as sa
from sqlalchemy import Connection

from propspider.db.models import PropertyManifest
from propspider.fields.listing_id import internal_number, is_provisional
from propspider.item_json import plain
from propspider.items import CrawlError, ErrorType, ManifestEntry, ManifestPage, Offer
from propspider.sync import offers, queue, runs, statement, sweeps
from propspider.sync.cases import see_on_listing_pages
from propspider.sync.live_prices import write_live_prices
from propspider.sync.locks import lock_listings
from propspider.sync.offers import OfferChange, undecided
from propspider.sync.prices import Action, OfferKey, decide, is_worth_a_request, page_gate, stated
from propspider.sync.runs import Counts, SessionRef
from propspider.sync.sweeps import observed

PRICE_REASON = "list price"


class _Known(NamedTuple):
    detail_at: datetime | None
    priced_at: datetime | None
    is_live: bool
    listing_status: str | None
    status_at: datetime | None

    @property
    def looked_at(self) -> datetime | None:
        return max((at for at in (self.detail_at, self.priced_at) if at is not None), default=None)


@dataclass
class _Sight:
    """What the cards of one listing in a batch say together, the newest first; `page` is the newest that states an offer."""

    entry: ManifestEntry
    page: ManifestPage
    observed_at: datetime
    offers: dict[OfferKey, tuple[Offer, datetime]]


def record_pages(connection: Connection, session: SessionRef, pages: Sequence[ManifestPage], *, pages_wanted: int) -> Counts:
    """Stores pages of one portal. `pages_wanted`: what the walk was asked for, 0 = all."""
    pages = _with_known_ids(connection, session.portal, pages)
    walks = sweeps.record_pages(connection, session, pages, pages_wanted=pages_wanted)
    newest = _newest_sights(pages)
    ids = lock_listings(connection, session.portal, newest)
    known = _known(connection, ids)
    decisions = _decisions(connection, newest, known)
    gated = _gated_pages(newest, known, decisions)
    changes = [change for change in decisions if id(newest[change.property_id].page) not in gated]

    found = _write_cards(connection, session, newest)
    _write_sightings(connection, session.portal, pages, walks, gated)
    offers.apply(connection, changes, source="manifest")
    _write_live_prices(connection, session, [c for c in changes if c.decision.reaches_live and known[c.property_id].is_live])
    _forget_hashes(connection, [c for c in changes if c.decision.action is Action.HOLD])
    _note_moved_prices(connection, [c for c in changes if is_worth_a_request(c.decision)])
    sights = {property_id: (sight.observed_at, sight.entry.source_url) for property_id, sight in newest.items()}
    relisted = see_on_listing_pages(connection, session.portal, sights, known, session_id=session.id)
    queued = queue.top_up(connection, session.portal, ceiling=session.queue_ceiling)
    errors = [_page_gate_error(page) for page in pages if id(page) in gated]
    runs.record_errors(connection, session, errors)
    return Counts(
        pages=len(pages),
        entries=sum(len(page.entries) for page in pages),
        found=found + relisted,
        price_changes=sum(c.decision.action is Action.WRITE and c.decision.old is not None for c in changes),
        held=sum(c.decision.action is Action.HOLD for c in changes),
        queued=queued + relisted,
        errors=len(errors),
        warnings=sum(len(page.warnings) for page in pages),
    )


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


def _newest_sights(pages: Sequence[ManifestPage]) -> dict[str, _Sight]:
    newest: dict[str, _Sight] = {}
    for page in sorted(pages, key=observed):
        observed_at = observed(page)
        for entry in page.entries:
            prices = stated(entry.offers, observed_at)
            sight = newest.get(entry.property_id)
            if sight is None:
                newest[entry.property_id] = _Sight(entry, page, observed_at, prices)
                continue
            sight.entry, sight.observed_at = _over(sight.entry, entry), observed_at
            if prices:
                sight.page = page
                sight.offers |= prices
    return newest


def _over(older: ManifestEntry, newer: ManifestEntry) -> ManifestEntry:
    """The newer card, with what only the older one says: as if each had come in a flush of its own."""
    facts = (field.name for field in attrs.fields(ManifestEntry))
    return attrs.evolve(newer, **{name: getattr(older, name) for name in facts if getattr(newer, name) is None})


def _known(connection: Connection, ids: Sequence[str]) -> dict[str, _Known]:
    rows = connection.execute(statement("state_known"), {"property_ids": list(ids)}).all()
    return {row.property_id: _Known(row.detail_at, row.priced_at, row.is_live, row.listing_status, row.status_at) for row in rows}


def _decisions(connection: Connection, newest: Mapping[str, _Sight], known: Mapping[str, _Known]) -> list[OfferChange]:
    # A card without an offer decides nothing.
    of_cards = {
        property_id: [offer for offer, _ in sight.offers.values()] for property_id, sight in newest.items() if sight.offers
    }
    return [
        OfferChange(property_id, decision)
        for property_id, known_offers in undecided(connection, of_cards).items()
        for decision in decide(known_offers, newest[property_id].offers, newest=known[property_id].looked_at, source="manifest")
    ]


def _gated_pages(newest: Mapping[str, _Sight], known: Mapping[str, _Known], decisions: Sequence[OfferChange]) -> set[int]:
    """Pages (by id()) of whose prices none is believed."""
    held: dict[int, set[str]] = {}
    for change in decisions:
        if change.decision.action is Action.HOLD:
            held.setdefault(id(newest[change.property_id].page), set()).add(change.property_id)
    with_prices = Counter(id(newest[property_id].page) for property_id, facts in known.items() if facts.looked_at is not None)
    return {page for page, ids in held.items() if page_gate(known_entries=with_prices[page], held_entries=len(ids))}


def _page_gate_error(page: ManifestPage) -> CrawlError:
    return CrawlError(
        portal=page.portal,
        error_type=ErrorType.PAGE_GATE,
        message="too many of the page's prices moved by more than half or changed currency; none was written",
        url=page.url,
        scope=page.scope,
        page=page.page,
        raw_item=plain({entry.property_id: entry.offers for entry in page.entries}),
    )


def _write_cards(connection: Connection, session: SessionRef, newest: Mapping[str, _Sight]) -> int:
    """How many listings the manifest did not have."""
    if not newest:
        return 0
    cards = [(sight.entry, sight.observed_at) for sight in newest.values()]
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


def _write_sightings(
    connection: Connection, portal: str, pages: Sequence[ManifestPage], walks: Mapping[str, int], gated: Collection[int]
) -> None:
    sightings: dict[tuple[str, str], dict[str, Any]] = {}
    for page in sorted(pages, key=observed):
        for entry in page.entries:
            held = sightings.get((entry.property_id, page.scope), {})
            sightings[entry.property_id, page.scope] = {
                "seen": observed(page),
                "priced": observed(page) if entry.offers and id(page) not in gated else held.get("priced"),
                "page": page.page,
                "place": page.part.place or held.get("place"),
            }
    if not sightings:
        return
    connection.execute(
        statement("sighting_upsert"),
        {
            "portal": portal,
            "property_ids": [property_id for property_id, _ in sightings],
            "scopes": [scope for _, scope in sightings],
            "sweeps": [walks[scope] for _, scope in sightings],
            "places": [sighting["place"] for sighting in sightings.values()],
            "pages": [sighting["page"] for sighting in sightings.values()],
            "seen": [sighting["seen"] for sighting in sightings.values()],
            "priced": [sighting["priced"] for sighting in sightings.values()],
        },
    )


def _write_live_prices(connection: Connection, session: SessionRef, changes: Sequence[OfferChange]) -> None:
    """One statement for each time of observation, since history carries it."""
    latest: dict[str, datetime] = {}
    for change in changes:
        latest[change.property_id] = max(latest.get(change.property_id, change.decision.observed_at), change.decision.observed_at)
    by_time: dict[datetime, set[str]] = {}
    for property_id, observed_at in latest.items():
        by_time.setdefault(observed_at, set()).add(property_id)
    for observed_at, ids in sorted(by_time.items()):
        write_live_prices(connection, ids, session_id=session.id, observed_at=observed_at, reason=PRICE_REASON)


def _forget_hashes(connection: Connection, changes: Sequence[OfferChange]) -> None:
    if changes:
        connection.execute(statement("state_forget_hash"), {"property_ids": [change.property_id for change in changes]})


def _note_moved_prices(connection: Connection, changes: Sequence[OfferChange]) -> None:
    if changes:
        moved = {change.property_id: change.decision.observed_at for change in changes}
        connection.execute(statement("state_price_moved"), {"property_ids": list(moved), "moved": list(moved.values())})
