"""Listings of one property, across ids and portals: found by keys they share, scored in SQL, grouped, never merged into one row.

Functions take a connection and never commit; those that write take the subject's lock first.
"""

from sqlalchemy import TextClause

from propspider.db import sql

AUTOMATIC = 6.0
"""Bits from which two listings are grouped without a person: docs/duplicates.md says how many of such pairs are wrong."""
POSSIBLE = -3.0
"""Bits from which a pair is kept at all, for a person or the nightly model to look at; with less, two are never in a group."""
CROWD = 1000
"""A key that more listings share is a place or a price that says nothing."""


def statement(name: str) -> TextClause:
    """A set-based statement of this package."""
    return sql.statement(__name__, name)
