"""Pairs that wait for a person."""

from dataclasses import dataclass

from sqlalchemy import Connection

from propspider.quality.duplicates import statement
from propspider.quality.duplicates.pairs import Reasons

PROBABLE = 0.2
"""From which the model's pairs are shown: a person sorts out the wrong ones, and finds none that is not shown."""
LIKELY = 2.0
"""Bits from which a pair is shown that the model has not judged."""


@dataclass(frozen=True)
class Waiting:
    """`probability`: None until the nightly model has judged the pair."""

    first: str
    second: str
    score: float
    probability: float | None
    reasons: Reasons
    first_title: str | None
    second_title: str | None


def waiting(connection: Connection, *, portal: str | None = None, limit: int | None = None) -> list[Waiting]:
    """The likeliest first; `limit` None = all."""
    parameters = {"probable": PROBABLE, "likely": LIKELY, "portal": portal, "limit": limit}
    return [
        Waiting(row.property_a, row.property_b, row.score, row.probability, row.reasons, row.first_title, row.second_title)
        for row in connection.execute(statement("queue_list"), parameters)
    ]
