"""Other URLs of a listing: those it had (certain), and those under which it seems to be listed anew (proposed)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, update

from propspider.db.models import UrlAlias
from propspider.sync import statement

WITHIN_M = 30.0
PRICE_SHARE = 0.01
SINCE = timedelta(days=90)
"""A listing that went longer ago is looked for no more."""


@dataclass(frozen=True)
class Alias:
    """`rejected_at`: somebody said that it is not so."""

    id: int
    portal: str
    kind: str
    property_id: str
    url: str
    other_property_id: str | None
    reason: str
    created_at: datetime
    rejected_at: datetime | None
    title: str | None


def propose(connection: Connection, portal: str) -> int:
    """How many listings anew were found; each pair is proposed once. The caller commits."""
    parameters = {"portal": portal, "within_m": WITHIN_M, "price_share": PRICE_SHARE, "since": SINCE}
    return len(connection.execute(statement("aliases_propose"), parameters).all())


def aliases(
    connection: Connection,
    *,
    portal: str | None = None,
    property_id: str | None = None,
    kind: str | None = None,
    limit: int | None = None,
) -> list[Alias]:
    """The newest first; `limit` None = all."""
    parameters = {"portal": portal, "property_id": property_id, "kind": kind, "limit": limit}
    return [Alias(**row) for row in connection.execute(statement("aliases_list"), parameters).mappings()]


def reject(connection: Connection, alias_id: int) -> bool:
    """False for one that is not there or was rejected already. It stays, never to be proposed again. The caller commits."""
    rejected = (
        update(UrlAlias)
        .where(UrlAlias.id == alias_id, UrlAlias.rejected_at.is_(None))
        .values(rejected_at=select(func.app_now()).scalar_subquery())
    )
    return connection.execute(rejected).rowcount == 1
