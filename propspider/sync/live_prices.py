"""Carries changed offers into live. Whoever calls it has the listings' locks, and the next detail read is compared anew."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from propspider.db.prepared import run
from propspider.sync import statement
from propspider.sync.compare import price_update


def write_live_prices(
    connection: Connection, property_ids: Iterable[str], *, session_id: uuid.UUID | None, observed_at: datetime, reason: str
) -> list[str]:
    """Ids of the live rows that were written; listings that live does not have are passed over."""
    parameters = {
        "property_ids": sorted(property_ids),
        "session_id": session_id,
        "observed_at": observed_at,
        "reason": reason,
    }
    written = [row[0] for row in run(connection, price_update(), parameters)]
    if written:
        connection.execute(statement("state_forget_hash"), {"property_ids": written})
    return written
