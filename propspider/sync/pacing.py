"""Pace is a row a host in Postgres, so that every process on every machine shares it."""

from sqlalchemy import Connection

from propspider.sync import statement

SAFETY = 1.05
"""Keeps the measured interval above the asked one in spite of timer and network jitter."""


def reserve(connection: Connection, host: str, delay_seconds: float) -> float:
    """Seconds to wait before asking `host`; the reservation stands when the caller commits."""
    row = connection.execute(statement("pacing_reserve"), {"host": host, "delay": delay_seconds * SAFETY}).one()
    return max(0.0, float(row.wait_seconds))
