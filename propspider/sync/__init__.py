"""What becomes of arrivals. Functions take a connection, lock property_state first, and never commit."""

from sqlalchemy import TextClause

from propspider.db import sql


def statement(name: str) -> TextClause:
    """A set-based statement of this package."""
    return sql.statement(__name__, name)
