"""What ends a suspicion: the listing is there. The caller holds the listings' locks and commits."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Protocol

from sqlalchemy import Connection

from propspider.sync import queue, statement
from propspider.sync.statuses import set_status

SightedBy = Literal["sighting", "detail page", "verification"]


class Status(Protocol):
    """Of a listing as it is known; `listing_status` None: it has no live row."""

    @property
    def listing_status(self) -> str | None: ...

    @property
    def status_at(self) -> datetime | None: ...


def see_on_listing_pages(
    connection: Connection,
    portal: str,
    sights: Mapping[str, tuple[datetime, str]],
    known: Mapping[str, Status],
    *,
    session_id: uuid.UUID | None,
) -> int:
    """`sights`: property_id → when a card showed it, and its URL. A suspected listing is active again; one that was gone is
    relisted and its detail page asked for first. How many were relisted.
    """
    shown = _newer({property_id: seen_at for property_id, (seen_at, _) in sights.items()}, known, but=("active", "relisted"))
    suspected = {i: seen_at for i, seen_at in shown.items() if known[i].listing_status == "likely_removed"}
    if suspected:
        find_alive(connection, suspected, by="sighting", session_id=session_id)
    back = {property_id: seen_at for property_id, seen_at in shown.items() if property_id not in suspected}
    relisted = set_status(connection, "relisted", back, session_id=session_id, reason="sighting")
    queue.enqueue(connection, portal, [queue.Want(i, sights[i][1], "relisted") for i in relisted])
    return len(relisted)


def see_on_own_page(
    connection: Connection, observed: Mapping[str, datetime], known: Mapping[str, Status], *, session_id: uuid.UUID | None
) -> None:
    """Their detail pages were stored: active, whatever they were before."""
    shown = _newer(observed, known, but=("active",))
    if shown:
        find_alive(connection, shown, by="detail page", session_id=session_id)


def find_alive(
    connection: Connection, observed: Mapping[str, datetime], *, by: SightedBy, session_id: uuid.UUID | None
) -> list[str]:
    """Active, the case dismissed, and nobody needs to ask any more. Ids whose status changed."""
    parameters = {
        "property_ids": list(observed),
        "observed": list(observed.values()),
        "decided_by": by,
        "session_id": session_id,
    }
    connection.execute(statement("case_dismiss"), parameters)
    changed = set_status(connection, "active", observed, session_id=session_id, reason=by)
    queue.cancel(connection, list(observed), reason="found alive", kind="verify")
    return changed


def _newer(observed: Mapping[str, datetime], known: Mapping[str, Status], *, but: tuple[str, ...]) -> dict[str, datetime]:
    """Those that say something of a status that was decided before."""
    return {
        property_id: at
        for property_id, at in observed.items()
        if (status := known[property_id]).listing_status is not None
        and status.listing_status not in but
        and (status.status_at is None or at > status.status_at)
    }
