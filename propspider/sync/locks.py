"""The one lock order: property_state rows by property_id, before anything else of a listing is written."""

from collections.abc import Iterable

from sqlalchemy import Connection

from propspider.sync import statement


def lock_listings(connection: Connection, portal: str, property_ids: Iterable[str]) -> list[str]:
    """Creates missing state rows and locks all until the transaction ends; returns the ids sorted."""
    ids = sorted(set(property_ids))
    if ids:
        connection.execute(statement("state_ensure"), {"portal": portal, "property_ids": ids})
        connection.execute(statement("state_lock"), {"property_ids": ids})
    return ids
