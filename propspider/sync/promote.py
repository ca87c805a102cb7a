"""Detail pages: staged, compared with live, written with their history, and their queue rows settled, in one transaction."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from propspider.db.prepared import Pipeline, pipeline, run
from propspider.items import PropertyItem
from propspider.sync import coverage, missing, queue, statement
from propspider.sync.cases import see_on_own_page
from propspider.sync.compare import detail_insert, detail_update
from propspider.sync.locks import lock_states
from propspider.sync.merge import merge_provisional
from propspider.sync.offers import OfferChange, apply, undecided
from propspider.sync.prices import Action, decide, stated
from propspider.sync.runs import Counts, SessionRef
from propspider.sync.staging import mark_unchanged, observed, stage

DETAIL_REASON = "detail page"
GATED_FOR = timedelta(days=14)
"""Sweeps come oftener."""


@dataclass(frozen=True)
class _Known:
    content_hash: str | None
    detail_at: datetime | None
    status_at: datetime | None
    listing_status: str | None
    """None: live does not have it."""


def promote(connection: Connection, session: SessionRef, items: Sequence[PropertyItem]) -> Counts:
    """Stores items of one portal that have passed validation; their claims are settled as completed.

    An item older than what is known is staged as `outdated` and changes nothing. The hash of an item stands for its page
    only while no other writer has touched live; an item that is known by it is settled and no more.
    """
    started = time.monotonic()
    newest = _newest(items)
    known = _locked(connection, session, items, newest)
    kinds = {property_id: _kind(item, known[property_id]) for property_id, item in newest.items()}
    staged = {property_id: kind for property_id, kind in kinds.items() if kind != "unchanged"}
    stage(connection, session, [newest[property_id] for property_id in staged], staged)
    changes, unsettled = _write_offers(connection, session, newest, kinds)
    current = {property_id: item for property_id, item in newest.items() if kinds[property_id] != "outdated"}
    see_on_own_page(
        connection, {property_id: observed(item) for property_id, item in current.items()}, known, session_id=session.id
    )
    new, candidates = _of_kind(kinds, "new"), _of_kind(kinds, "updated")
    unsettled |= missing.settle(connection, session, candidates, newest)
    parameters = {"session_id": session.id, "parser_version": session.parser_version, "reason": DETAIL_REASON}
    compared = None
    with pipeline(connection) as pipe:
        if new:
            pipe.send(detail_insert(), {**parameters, "property_ids": new})
        if candidates:
            compared = pipe.send(detail_update(), {**parameters, "property_ids": candidates})
        _stamp_state(pipe, current, unsettled)
        queue.settle(pipe, [(item.claim, observed(item)) for item in items if item.claim is not None])
        coverage.add(pipe, session.id, newest.values())
        written = {row[0] for row in compared.fetchall()} if compared is not None else set()
    mark_unchanged(connection, session, sorted(set(candidates) - written))
    return Counts(
        scraped=len(items),
        new=len(new),
        updated=len(written),
        unchanged=len(kinds) - len(staged) + len(candidates) - len(written),
        held=sum(change.decision.action is Action.HOLD for change in changes),
        outdated=len(_of_kind(kinds, "outdated")) + len(items) - len(newest),
        quality_sum=float(sum(item.data_completeness_score or 0 for item in newest.values())),
        warnings=sum(len(item.warnings) for item in items),
        promotion_ms=round((time.monotonic() - started) * 1000),
    )


def _newest(items: Sequence[PropertyItem]) -> dict[str, PropertyItem]:
    newest: dict[str, PropertyItem] = {}
    for item in sorted(items, key=observed):
        newest[item.property_id] = item
    return newest


def _locked(
    connection: Connection, session: SessionRef, items: Sequence[PropertyItem], newest: Mapping[str, PropertyItem]
) -> dict[str, _Known]:
    """What is known of the items' listings, which are locked; what was known under provisional ids is theirs."""
    moved = {i.property_id: i.claim.property_id for i in items if i.claim is not None and i.claim.property_id != i.property_id}
    states = lock_states(connection, session.portal, [*newest, *moved.values()])
    for property_id, provisional in moved.items():
        merge_provisional(connection, provisional, newest[property_id])
    statuses = dict(run(connection, statement("live_statuses"), {"property_ids": [state.property_id for state in states]}))
    return {
        property_id: _Known(content_hash, detail_at, status_at, statuses.get(property_id))
        for property_id, content_hash, detail_at, status_at in states
    }


def _kind(item: PropertyItem, known: _Known) -> str:
    """`updated` is a candidate here: the comparison may still find nothing."""
    if known.detail_at is not None and observed(item) < known.detail_at:
        return "outdated"
    if known.listing_status is None:
        return "new"
    return "unchanged" if item.content_hash is not None and item.content_hash == known.content_hash else "updated"


def _of_kind(kinds: Mapping[str, str], kind: str) -> list[str]:
    return sorted(property_id for property_id, found in kinds.items() if found == kind)


def _write_offers(
    connection: Connection, session: SessionRef, newest: Mapping[str, PropertyItem], kinds: Mapping[str, str]
) -> tuple[list[OfferChange], set[str]]:
    """The changes, and the listings that are to be compared again even if they read the same: an offer is or was held or
    missed, or a newer listing page has told their prices. A new listing that was on gated pages only has nothing that its
    price could be compared with: a page that passes the gate tells it.
    """
    fresh = [property_id for property_id, kind in sorted(kinds.items()) if kind in {"new", "updated"}]
    if not fresh:
        return [], set()
    offers = undecided(connection, {property_id: newest[property_id].offers for property_id in fresh})
    priced: dict[str, datetime] = dict(run(connection, statement("sightings_priced"), {"property_ids": fresh}))
    unpriced = [property_id for property_id, of in offers.items() if not of and property_id not in priced]
    gated: set[str] = set()
    if unpriced:
        parameters = {"portal": session.portal, "property_ids": unpriced, "within": GATED_FOR}
        gated = set(connection.execute(statement("page_gated"), parameters).scalars())
    changes = [
        OfferChange(property_id, decision)
        for property_id, known_offers in offers.items()
        if property_id not in gated
        for decision in decide(
            known_offers,
            stated(newest[property_id].offers, observed(newest[property_id])),
            newest=priced.get(property_id),
            source="detail",
        )
    ]
    apply(connection, changes, source="detail")
    unsettled = {property_id for property_id, of in offers.items() if any(offer.is_unsettled for offer in of.values())}
    unsettled |= {change.property_id for change in changes if change.decision.action in {Action.HOLD, Action.MISS}}
    unsettled |= gated
    unsettled |= {property_id for property_id, at in priced.items() if observed(newest[property_id]) < at}
    return changes, unsettled


def _stamp_state(pipe: Pipeline, current: Mapping[str, PropertyItem], unsettled: Collection[str]) -> None:
    """Without a hash where the next read is to be compared even if it is the same page."""
    if current:
        pipe.send(
            statement("state_stamp"),
            {
                "property_ids": list(current),
                "hashes": [None if i.property_id in unsettled else i.content_hash for i in current.values()],
                "observed": [observed(item) for item in current.values()],
            },
        )
