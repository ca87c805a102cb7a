"""What is killed on a day of chaos, and when: a pure function of the seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Literal

from propspider.lab.listing import random_source


class Victim(StrEnum):
    SPIDER = "spider"
    RUNNER = "runner"
    """Whoever carries out the run: the daemon that leads, or a `propspider auto`."""
    SCHEDULER = "scheduler"
    """The daemon that leads."""
    POSTGRES_KILLED = "postgres, kill -9"
    POSTGRES_IMMEDIATE = "postgres, immediate shutdown"


POSTGRES = frozenset({Victim.POSTGRES_KILLED, Victim.POSTGRES_IMMEDIATE})

Counted = Literal["requests", "claims", "stored", "crawls", "notes", "fences", "take-overs"]
"""What has happened on the day so far: requests that the portal answered, rows of the queue that were claimed, pages that were
stored, sessions that were opened, notes in the rows of runs (a step begins, a crawl is about to be started), fences of the leases
of tiers (a run is begun or taken up), take-overs that are told of.
"""

_LAST: Mapping[Counted, int] = {
    "requests": 170,
    "claims": 130,
    "stored": 120,
    "crawls": 9,
    "notes": 30,
    "fences": 4,
    "take-overs": 2,
}
"""About as many as a day has."""

_VICTIMS: tuple[tuple[Victim, ...], ...] = (
    (Victim.SPIDER,),
    (Victim.SPIDER,),
    (Victim.RUNNER,),
    (Victim.SCHEDULER,),
    (Victim.POSTGRES_KILLED,),
    (Victim.POSTGRES_IMMEDIATE,),
    (Victim.RUNNER, Victim.SPIDER),
    (Victim.POSTGRES_KILLED, Victim.SPIDER),
    (Victim.POSTGRES_IMMEDIATE, Victim.RUNNER),
    (Victim.POSTGRES_KILLED, Victim.RUNNER, Victim.SPIDER),
)
FEWEST, MOST = 3, 6
LONGEST_OUTAGE_SECONDS = 1.0


@dataclass(frozen=True)
class Kill:
    """Once `counted` has reached `at`. Postgres is back after `outage_seconds` of real time."""

    counted: Counted
    at: int
    victims: tuple[Victim, ...]
    outage_seconds: float = 0.0

    def __str__(self) -> str:
        return f"{' + '.join(self.victims)} at {self.counted} {self.at}"


@dataclass(frozen=True)
class Plan:
    """`scheduling`: who runs what is due, a daemon (with one that stands by), `propspider auto` again and again, or both.
    `embedded`: the processes find the server by their state directory and start it where it is down; else by DATABASE_URL.
    """

    seed: int
    kills: tuple[Kill, ...]
    scheduling: Literal["daemon", "daemons", "cron", "both"]
    embedded: bool

    @classmethod
    def of(cls, seed: int) -> "Plan":
        source = random_source("chaos", seed)
        scheduling = source.choices(("daemon", "daemons", "cron", "both"), (4, 2, 3, 1))[0]
        kills = tuple(_kill(source) for _ in range(source.randint(FEWEST, MOST)))
        return cls(seed, kills, scheduling, source.random() < 0.5)  # type: ignore[arg-type]


def _kill(source: Random) -> Kill:
    counted: Counted = source.choices(list(_LAST), (4, 2, 3, 3, 4, 1, 1))[0]
    victims = source.choice(_VICTIMS)
    outage = round(source.uniform(0, LONGEST_OUTAGE_SECONDS), 2) if POSTGRES & set(victims) else 0.0
    return Kill(counted, source.randint(1, _LAST[counted]), victims, outage)
