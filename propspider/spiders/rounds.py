"""One batch of the verify spider while its answers come in: opening controls, candidates, closing controls."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from propspider.evidence import Control, Finding, Look, VerificationBatch, VerificationItem, control_faults
from propspider.items import Claim, PropertyItem

if TYPE_CHECKING:
    from propspider.sync.candidates import KnownAlive
    from propspider.sync.queue import QueuedProperty

CONTROLS_A_SIDE = 2


@dataclass(eq=False)
class Asked:
    """A page that is asked for and what it answered. Without a claim it is a control; without an id it never existed."""

    url: str
    property_id: str | None
    claim: Claim | None = None
    looks: list[Look] = field(default_factory=list)
    page: PropertyItem | None = None


class Round:
    """`over` is set when it was handed over, or abandoned; `is_void`: nothing is to be asked any more."""

    def __init__(self, rows: "Sequence[QueuedProperty]", alive: "Sequence[KnownAlive]", nowhere: Callable[[], str]) -> None:
        self.size = len(rows)
        self.over = asyncio.Event()
        self.is_void = False
        # With few of them the same listing is asked for at both ends: it is news of the portal each time.
        first, last = alive[:CONTROLS_A_SIDE], alive[CONTROLS_A_SIDE:] or alive[:CONTROLS_A_SIDE]
        self._opening = [*(Asked(one.source_url, one.property_id) for one in first), Asked(nowhere(), None)]
        self._candidates = [Asked(row.source_url, row.claim.property_id, row.claim) for row in rows]
        self._closing = [*(Asked(one.source_url, one.property_id) for one in last), Asked(nowhere(), None)]
        self._phases = [self._opening, self._candidates, self._closing]
        self._waiting: set[Asked] = set()

    def next_phase(self) -> list[Asked]:
        """What is to be asked now; empty when there is no more, or when the opening controls failed."""
        if self._phases and not (len(self._phases) == 2 and control_faults(self._controls(), places=["opening"])):
            self._waiting = set(self._phases[0])
            return self._phases.pop(0)
        return []

    def settle(self, asked: Asked) -> bool:
        """True when it was the last answer of its phase."""
        if self.is_void or asked not in self._waiting:
            return False
        self._waiting.remove(asked)
        return not self._waiting

    def abandon(self) -> None:
        self.is_void = True
        self.over.set()

    def batch(self, portal: str) -> VerificationBatch:
        """As it stands: all that was claimed, and the controls that answered."""
        items = [VerificationItem(asked.claim, tuple(asked.looks)) for asked in self._candidates if asked.claim is not None]
        return VerificationBatch(portal, tuple(items), tuple(self._controls()))

    def pages(self) -> Iterator[PropertyItem]:
        """Of the listings that were found alive, controls as well: each is as good as a detail page fetched for its own sake."""
        for asked in (*self._opening, *self._candidates, *self._closing):
            if asked.page is not None and asked.looks and asked.looks[-1].finding is Finding.ALIVE:
                yield asked.page

    def _controls(self) -> list[Control]:
        sides: tuple[tuple[Literal["opening", "closing"], list[Asked]], ...] = (
            ("opening", self._opening),
            ("closing", self._closing),
        )
        return [Control(place, asked.looks[-1], asked.property_id) for place, side in sides for asked in side if asked.looks]
