"""Every change of a listing's status goes through here: live, its history, and when it was observed. The caller commits."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from propspider.sync import statement

ListingStatus = Literal["active", "likely_removed", "confirmed_removed", "sold", "withdrawn", "relisted"]


def set_status(
    connection: Connection,
    status: ListingStatus,
    observed: Mapping[str, datetime],
    *,
    session_id: uuid.UUID | None,
    reason: str,
) -> list[str]:
    """Ids that changed. `observed`: property_id → when what says so was observed; what is older than the present status, or says
    the same, changes nothing. The caller holds the listings' locks.
    """
    if not observed:
        return []
    parameters = {
        "status": status,
        "session_id": session_id,
        "reason": reason,
        "property_ids": list(observed),
        "observed": list(observed.values()),
    }
    return list(connection.execute(statement("status_write"), parameters).scalars())
