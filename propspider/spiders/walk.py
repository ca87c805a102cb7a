"""How far the walks of a manifest crawl have come. Plain bookkeeping: no requests, no I/O."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from propspider.items import WHOLE, ManifestPage, Part

if TYPE_CHECKING:
    from propspider.sync.sweeps import WalkedPart

HEAD_PAGES = 5
"""Most pages that are read again at the head of a walk to find where it moved to."""
BACK_SHARE = 0.1
"""Of a walk's pages, how many may be read again because the one after them had slid up."""


@dataclass
class PartWalk:
    """One part of a scope's walk. `last`: its last page, None while only the pages themselves tell."""

    part: Part
    parent: "PartWalk | None" = None
    step: int = 1
    """Page n asks for page n + step."""
    total: int | None = None
    last: int | None = None
    head: frozenset[str] = frozenset()
    """Listings of its first page when the walk began."""
    newest: frozenset[str] = frozenset()
    """Listings of the page that was read last."""
    seen: set[str] = field(default_factory=set)
    has_moved: bool = False
    """Its total changed while it was walked."""
    under_way: int = 0
    """Requests without an answer."""
    read: int = 0
    again: int = 0
    head_read: bool = False
    fits: int | None = None
    """Listings that the portal shows of one walk; None = all."""
    prices: tuple[Decimal, ...] = ()
    """Of its first page, in the portal's currency."""
    divided_by: str | None = None
    is_split: bool = False
    is_over: bool = False
    """Nothing more is asked: the pages repeat themselves, or the portal ignored the filter."""
    waiting: list["PartWalk"] = field(default_factory=list)
    """Children that are asked for once the first of them showed that the portal obeys the filter, and as long as those asked
    for do not add up to this part.
    """
    is_probed: bool = False
    found: int = 0
    """What its children state, summed."""

    def begin(self, page: ManifestPage) -> None:
        self.total, self.head = page.stated_total, listings(page)

    @property
    def is_short(self) -> bool:
        """Some of its listings may have moved past the walk."""
        return self.has_moved or self.total is None or len(self.seen) < self.total

    def next_waiting(self, count: int) -> list["PartWalk"]:
        """None when the children asked for add up: the others are empty."""
        if self.total is not None and self.found >= self.total:
            self.waiting = []
        chosen, self.waiting = self.waiting[:count], self.waiting[count:]
        return chosen

    def repeats(self, page: ManifestPage) -> bool:
        """Whether a page brings just what the one before it brought."""
        found = listings(page)
        return bool(found) and found == self.newest

    def note(self, page: ManifestPage) -> bool:
        """Counts a page that was read. True when listings may have slid up from it since: its total shrank."""
        self.read += 1
        self.newest = listings(page)
        self.seen |= self.newest
        shrank = self.total is not None and page.stated_total is not None and page.stated_total < self.total
        if page.stated_total is not None:
            self.has_moved = self.has_moved or page.stated_total != self.total
            self.total = page.stated_total
        if not shrank or self.again >= max(1, BACK_SHARE * self.read):
            return False
        self.again += 1
        return True


@dataclass
class ScopeWalk:
    scope: str
    parts: dict[str, PartWalk] = field(default_factory=dict)
    ignored: set[str] = field(default_factory=set)
    """Filters that the portal turned out to ignore."""
    read: int = 0
    failed: int = 0

    @classmethod
    def of(cls, scope: str) -> "ScopeWalk":
        return cls(scope, {"": PartWalk(WHOLE)})

    @property
    def whole(self) -> PartWalk:
        return self.parts[""]

    @property
    def under_way(self) -> int:
        return sum(part.under_way for part in self.parts.values())

    @property
    def planned(self) -> int:
        """Pages that it is known to have."""
        return sum(1 if part.is_split else part.last or part.read for part in self.parts.values())

    @property
    def is_short(self) -> bool:
        total = self.whole.total
        return total is None or len(set[str]().union(*(part.seen for part in self.parts.values()))) < total

    def divide(self, part: PartWalk, children: tuple[Part, ...]) -> list[PartWalk]:
        for name in [name for name, one in self.parts.items() if _is_below(one, part)]:
            self.parts.pop(name).is_over = True
        part.is_split, part.is_probed, part.found = bool(children), False, 0
        made = [PartWalk(child, part) for child in children]
        self.parts |= {one.part.name: one for one in made}
        return made


def _is_below(one: PartWalk, part: PartWalk) -> bool:
    above = one.parent
    while above is not None:
        if above is part:
            return True
        above = above.parent
    return False


def listings(page: ManifestPage) -> frozenset[str]:
    return frozenset(entry.property_id for entry in page.entries)


def taken_up(scope: str, walked: "Mapping[str, WalkedPart]", *, most: int | None) -> tuple[ScopeWalk, dict[str, int]]:
    """A walk that was cut off, and for each part that is not done the page to go on at: the last one of those read without a
    gap, which is read again; 1 for a part that was not begun. `most`: pages that a walk has at most.
    """
    walk = ScopeWalk.of(scope)
    places: dict[str, int] = {}
    for name, one in walked.items():
        part = walk.parts.setdefault(name, PartWalk(one.part))
        part.parent = walk.parts.get(one.parent) if one.parent is not None else None
        part.is_split, part.total, part.head, part.read = (
            one.is_split,
            one.first_total,
            one.pages.get(1, frozenset()),
            len(one.pages),
        )
        if one.first_total is not None and one.cards:
            part.last = min(max(1, -(-one.first_total // one.cards)), most or sys.maxsize)
        part.seen = set().union(*one.pages.values())
        page = _gapless(one.pages)
        if not part.is_split and (part.last is None or page < part.last):
            places[name] = max(1, page)
    return walk, places if walked else {"": 1}


def _gapless(pages: Mapping[int, frozenset[str]]) -> int:
    page = 0
    while page + 1 in pages:
        page += 1
    return page


def numbers(first: int, count: int, last: int | None) -> Iterator[int]:
    return (page for page in range(first, first + count) if last is None or page <= last)
