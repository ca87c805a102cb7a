"""Pace is a row a host in Postgres, so that every process on every machine shares it. Real time; the caller commits."""

from dataclasses import dataclass

from sqlalchemy import Connection

from propspider.sync import statement

SAFETY = 1.05
"""Keeps the measured interval above the asked one in spite of timer and network jitter."""
LONGEST_HOLD_SECONDS = 60.0
"""A longer hold is not waited for."""
FIRST_HOLD_SECONDS = 5.0
LONGEST_UNSAID_SECONDS = 3600.0
"""Of a host that says "too busy" again and again, and not for how long."""


class HostHeld(RuntimeError):
    """The host is held for longer than anybody waits; `seconds` from now."""

    def __init__(self, host: str, seconds: float) -> None:
        super().__init__(f"{host} is not to be asked for another {seconds:.0f} s")
        self.seconds = seconds


@dataclass(frozen=True)
class Turn:
    """`strikes`: answers of "too busy" since the host's last good one."""

    wait_seconds: float
    strikes: int


def reserve(connection: Connection, host: str, delay_seconds: float) -> Turn:
    """The next free turn, in the order of reservations; it stands when the caller commits. Raises HostHeld."""
    parameters = {"host": host, "delay": delay_seconds * SAFETY, "longest_hold": LONGEST_HOLD_SECONDS}
    row = connection.execute(statement("pacing_reserve"), parameters).first()
    if row is None:
        raise HostHeld(host, _waits(connection, host, delay_seconds)[0])
    return Turn(max(0.0, float(row.wait_seconds)), row.strikes)


def ask(connection: Connection, host: str, delay_seconds: float) -> float:
    """0.0: the request may be sent, now. Else the seconds after which to ask again: since the turn was reserved the host has
    said "too busy", or the request before went late. Raises HostHeld.
    """
    if connection.execute(statement("pacing_ask"), {"host": host, "delay": delay_seconds}).first() is not None:
        return 0.0
    held, early = _waits(connection, host, delay_seconds * SAFETY)
    if held > LONGEST_HOLD_SECONDS:
        raise HostHeld(host, held)
    return max(held, early, 0.001)


def hold(connection: Connection, host: str, seconds: float | None) -> float:
    """The host said "too busy": nobody asks it for `seconds`. None: it did not say for how long, so longer each time.
    A hold is never shortened; returns the seconds that are left of it.
    """
    parameters = {"host": host, "seconds": seconds, "least": FIRST_HOLD_SECONDS, "longest": LONGEST_UNSAID_SECONDS}
    return float(connection.execute(statement("pacing_hold"), parameters).scalar_one())


def calm(connection: Connection, host: str) -> bool:
    """The host answered well: its strikes are forgotten. False while it is held."""
    return connection.execute(statement("pacing_calm"), {"host": host}).rowcount == 1


def _waits(connection: Connection, host: str, delay_seconds: float) -> tuple[float, float]:
    row = connection.execute(statement("pacing_wait"), {"host": host, "delay": delay_seconds}).one()
    return row.held_seconds or 0.0, row.early_seconds or 0.0
