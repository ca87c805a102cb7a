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
        self._to_ask: list[Asked] = []
        self._asked: set[Asked] = set()
        self._window = 1

    def begin(self, window: int) -> list[Asked]:
        """What is to be asked first. `window`: how many at a time, so that a portal that begins to refuse is asked no more."""
        self._window = window
        return self._next_phase()

    def settle(self, asked: Asked) -> list[Asked] | None:
        """An answer is in: what is to be asked now. None when that was the last."""
        if self.is_void or asked not in self._asked:
            return []
        self._asked.remove(asked)
        if self._to_ask or self._asked:
            return self._take(1)
        return self._next_phase() or None

    def _next_phase(self) -> list[Asked]:
        # A portal that fails its opening controls is asked nothing more.
        if not self._phases or (len(self._phases) == 2 and control_faults(self._controls(), places=["opening"])):
            return []
        self._to_ask = list(self._phases.pop(0))
        return self._take(self._window)

    def _take(self, count: int) -> list[Asked]:
        chosen, self._to_ask = self._to_ask[:count], self._to_ask[count:]
        self._asked.update(chosen)
        return chosen

    def abandon(self) -> int:
        """The answers that are given up with it."""
        self.is_void = True
        self.over.set()
        given_up = (look for asked in (*self._opening, *self._candidates, *self._closing) for look in asked.looks)
        return sum(look.status is not None for look in given_up)

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
