"""Who may do what, until when. Real time. Functions take a connection; the caller commits."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from propspider.sync import statement

TTL_SECONDS = 120.0
"""Four heartbeats."""


class LeaseHeld(RuntimeError):
    """Somebody else holds it; the message says who and since when it was last heard of."""


class Superseded(RuntimeError):
    """The lease was taken over: what this holder still does must not be stored."""


@dataclass(frozen=True)
class Lease:
    """`fence` grows with every take-over: work that carries an older one is refused; free after `ttl_seconds` of silence."""

    name: str
    holder: str
    fence: int
    ttl_seconds: float = TTL_SECONDS


@dataclass(frozen=True)
class Holding:
    """A lease that is held now; `silent_seconds` since its holder was last heard of."""

    name: str
    holder: str
    fence: int
    silent_seconds: float

    def __str__(self) -> str:
        return f"{self.name} is held by {self.holder}, last heard of {self.silent_seconds:.0f} s ago"


def of_tier(portal: str, level: int | None) -> str:
    """Tier 1 has a lease of its own, for it may run while another tier of the portal fetches details."""
    return f"tier:{portal}:1" if level == 1 else f"tier:{portal}"


def of_run(portal: str, level: int | None, fence: int) -> Lease:
    """The lease of a tier run, as a crawl that is one of its steps knows it: to be checked, never beaten or released."""
    return Lease(of_tier(portal, level), "", fence)


def held(connection: Connection, names: Sequence[str]) -> list[Holding]:
    """Those of the leases that somebody holds."""
    return [Holding(**row) for row in connection.execute(statement("lease_holding"), {"names": list(names)}).mappings()]


def acquire(connection: Connection, name: str, holder: str, *, ttl_seconds: float = TTL_SECONDS) -> Lease:
    """A free lease, or one whose holder was silent for its ttl, with a new fence. Raises LeaseHeld."""
    parameters = {"name": name, "holder": holder, "ttl": ttl_seconds}
    taken = connection.execute(statement("lease_acquire"), parameters).scalar()
    if taken is None:
        by = connection.execute(statement("lease_holder"), {"name": name}).one()
        raise LeaseHeld(f"{name} is held by {by.holder}, last heard of {by.silent_seconds:.0f} s ago")
    return Lease(name, holder, taken, ttl_seconds)


def beat(connection: Connection, lease: Lease) -> bool:
    """False when the lease is another's by now."""
    return connection.execute(statement("lease_beat"), {"name": lease.name, "fence": lease.fence}).rowcount == 1


def check(connection: Connection, lease: Lease) -> None:
    """Nobody takes the lease over before this transaction ends. Raises Superseded."""
    if connection.execute(statement("lease_check"), {"name": lease.name, "fence": lease.fence}).first() is None:
        raise Superseded(f"{lease.name} was taken over")


def release(connection: Connection, lease: Lease) -> None:
    """Free at once; a lease that was taken over stays the other's."""
    connection.execute(statement("lease_release"), {"name": lease.name, "fence": lease.fence})


def release_dead(connection: Connection, session_id: uuid.UUID) -> None:
    """What a crawl held of which something tells that it died."""
    connection.execute(statement("lease_release_dead"), {"session": str(session_id)[:8]})
