"""The pages of a living portal, as they are at the moment of a request."""

import zlib
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

import numpy as np

from propspider.lab import sitemap
from propspider.lab.catalogue import Language
from propspider.lab.history import Manner
from propspider.lab.life import Life
from propspider.lab.listing import Standing
from propspider.lab.order import Order
from propspider.lab.pages import (
    DETAIL_ROOTS,
    SIMILAR_CARDS,
    Moved,
    card_block,
    detail_page,
    last_page,
    listing_page,
)
from propspider.lab.population import Floats, Numbers
from propspider.lab.scopes import ALL, SCOPE_OF, Filter, Filters, Scope
from propspider.lab.slugs import number_of

HOUR = 3600
CACHED_CARDS = 32_768
CACHED_PAGES = 512
CACHED_DETAILS = 2_048
_STANDINGS = {Manner.SOLD: Standing.SOLD, Manner.WITHDRAWN: Standing.WITHDRAWN}


class LivingPages:
    """`Served` from a life at `now()`; for one thread. Cards and pages are rendered once for what they show."""

    def __init__(
        self,
        life: Life,
        now: Callable[[], datetime],
        *,
        page_size: int,
        page_cap: int | None,
        ignores: frozenset[Filter] = frozenset(),
    ) -> None:
        self.life, self._now = life, now
        self._page_size, self._page_cap, self._ignores = page_size, page_cap, ignores
        self._order = Order(life)
        self._card = lru_cache(CACHED_CARDS)(lambda row, layout, language: card_block(life.listing(row), layout, language))
        self._rendered = lru_cache(CACHED_PAGES)(self._render)
        self._detailed = lru_cache(CACHED_DETAILS)(self._detail)

    def listing(self, scope: Scope, language: Language, page: int, filters: Filters = ALL) -> bytes | None:
        """None past the end or the cap."""
        at = self._move()
        numbers = self._order.numbers(scope.operation, filters.without(self._ignores))
        if not 1 <= page <= last_page(len(numbers), self._page_size) or (self._page_cap is not None and page > self._page_cap):
            return None
        own = numbers[(page - 1) * self._page_size : page * self._page_size]
        hour = int(self.life.seconds(at) // HOUR)
        shown = np.concatenate([self._featured(scope, page, hour, numbers), own[~self._missed(own, hour)]])
        return self._rendered(scope, language, page, filters, len(numbers), tuple(self._order.row[shown].tolist()))

    def detail(self, slug: str, language: Language) -> bytes | Moved | None:
        """Of a removed listing what its manner is; of an old address the new one, or nothing."""
        at, number = self._move(), number_of(slug)
        row = None if number is None else self.life.row(number, at)
        if number is None or row is None or not self._was(slug, row):
            return None
        if slug != (current := self.life.slug(row)):
            leads = _chance(self.life.seed, "rename", np.array([number]))[0] < self.life.parameters.changes.rename_redirects
            return Moved(f"{DETAIL_ROOTS[language]}/{current}", 301) if leads else None
        standing = Standing.SHOWN
        if not self.life.is_shown(row):
            manner = self.life.manner(row, at)
            if manner is Manner.REDIRECT:
                return Moved(SCOPE_OF[self.life.offers(row)[0].operation].path(language))
            if manner is Manner.NOT_FOUND:
                return None
            standing = _STANDINGS[manner]
        similar = self._order.older(number, self.life.offers(row)[0].operation, SIMILAR_CARDS)
        days = (at - self.life.published_at(number)).days
        return self._detailed(row, standing, language, days, tuple(self._order.row[similar].tolist()))

    def sitemap_index(self, base: str, size: int) -> bytes:
        at = self._move()
        return sitemap.index(len(self._order.shown()), at, base=base, size=size)

    def sitemap_part(self, number: int, root: str, size: int) -> bytes | None:
        self._move()
        numbers = self._order.shown()[(number - 1) * size : number * size] if number >= 1 else ()
        life, rows = self.life, self._order.row
        return sitemap.part([(f"{root}/{life.slug(int(rows[one]))}", life.published_at(int(one))) for one in numbers])

    def _move(self) -> datetime:
        at = self._now()
        self._order.move(at)
        return at

    def _was(self, slug: str, row: int) -> bool:
        """Whether it is an address that the listing has, or had."""
        first, renames = int(self.life.history.first[self.life.history.listing[row]]), int(self.life.history.renames[row])
        known = self.life.slug(row) == slug
        return known or (renames > 0 and any(self.life.slug(one) == slug for one in range(first, row)))

    def _missed(self, numbers: Numbers, hour: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        wanted = self.life.parameters.pages
        chance = np.where(self.life.people.hard[numbers], wanted.hard_missed, wanted.missed)
        return _chance(self.life.seed, f"missed {hour}", numbers) < chance

    def _featured(self, scope: Scope, page: int, hour: int, numbers: Numbers) -> Numbers:
        """From anywhere in the walk; none in a walk of one page."""
        paying = numbers[self.life.people.paid[numbers]] if len(numbers) > self._page_size else numbers[:0]
        wanted = min(self.life.parameters.pages.featured, len(paying))
        drawn = _chance(self.life.seed, f"featured {scope.operation} {page} {hour}", paying)
        found: Numbers = paying[np.argsort(drawn)[:wanted]]
        return found

    def _render(self, scope: Scope, language: Language, page: int, filters: Filters, total: int, rows: tuple[int, ...]) -> bytes:
        cards = [self._card(row, scope.layout, language) for row in rows]
        last = last_page(total, self._page_size)
        return listing_page(scope, language, page, filters, cards=cards, total=total, last=last)

    def _detail(self, row: int, standing: Standing, language: Language, days: int, similar: tuple[int, ...]) -> bytes:
        listing = self.life.listing(row, standing)
        others = [self.life.listing(one) for one in similar]
        return detail_page(listing, language, days=days, similar=others)


def _chance(seed: int, subject: str, numbers: Numbers) -> Floats:
    """From 0 to 1 for each number, always the same for the three."""
    mixed = numbers.astype(np.uint64) + np.uint64(zlib.crc32(f"{seed} {subject}".encode()) * 0x9E3779B97F4A7C15 % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    found: Floats = (mixed ^ (mixed >> np.uint64(31))) / 2.0**64
    return found
