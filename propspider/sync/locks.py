"""The one lock order: property_state rows by property_id, before anything else of a listing is written."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from propspider.db.prepared import pipeline
from propspider.sync import statement


class State(NamedTuple):
    """What property_state says of a locked listing."""

    property_id: str
    content_hash: str | None
    detail_at: datetime | None
    """When its newest detail page was fetched."""
    status_at: datetime | None


def lock_listings(connection: Connection, portal: str, property_ids: Iterable[str]) -> list[str]:
    """Creates missing state rows and locks all until the transaction ends; returns the ids sorted."""
    return [state.property_id for state in lock_states(connection, portal, property_ids)]


def lock_states(connection: Connection, portal: str, property_ids: Iterable[str]) -> list[State]:
    """The same, with what was locked; ordered by property_id."""
    ids = sorted(set(property_ids))
    if not ids:
        return []
    with pipeline(connection) as pipe:
        pipe.send(statement("state_ensure"), {"portal": portal, "property_ids": ids})
        locked = pipe.send(statement("state_lock"), {"property_ids": ids})
        return list(map(State._make, locked.fetchall()))
