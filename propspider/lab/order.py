"""Who stands where on the newest first pages of a living portal, from moment to moment."""

from datetime import datetime

import numpy as np

from propspider.items import Operation
from propspider.lab.catalogue import PLACES
from propspider.lab.history import BUMPED, NEW, OFFER_GONE, RELISTED, REMOVED, STOCK
from propspider.lab.life import Life
from propspider.lab.listing import PESOS_PER_DOLLAR
from propspider.lab.population import KINDS, OPERATIONS, RENT, Flags, Numbers
from propspider.lab.scopes import ALL, STATE_OF, Filters

_NUMBER_BITS = 23
_MANY = 2_000
"""So many rows at once are sorted anew instead of being put in their places."""
_MOVES = np.isin(np.arange(STOCK + 1), [STOCK, NEW, REMOVED, RELISTED, BUMPED, OFFER_GONE])


class Order:
    """Listings by operation, at the moment of the last `move`. Not for several threads."""

    def __init__(self, life: Life) -> None:
        self._life, self._history, self._people = life, life.history, life.people
        self._touched = np.zeros(len(life.people), dtype=bool)
        self._begin()

    def _begin(self) -> None:
        self.row = np.full(len(self._people), -1, dtype=np.int64)
        """By number; -1 for one that is not there yet."""
        self._passed = 0
        self._keys = [np.empty(0, dtype=np.int64) for _ in OPERATIONS]
        self._listed: dict[tuple[int, Filters], Numbers] = {}

    def move(self, at: datetime) -> None:
        """Forwards at the cost of what happened; back at that of everything since the start."""
        passed = int(np.searchsorted(self._history.times, self._life.seconds(at)))
        if passed < self._passed:
            self._begin()
        if passed == self._passed:
            return
        rows = self._history.in_time[self._passed : passed]
        self._passed = passed
        self._listed.clear()
        self.row[self._history.listing[rows]] = rows
        moved = np.unique(self._history.listing[rows[_MOVES[self._history.kind[rows]]]])
        if len(moved) > _MANY:
            everyone = np.flatnonzero(self.row >= 0)
            self._keys = [np.sort(self._keys_of(operation, everyone)) for operation in range(len(OPERATIONS))]
        elif len(moved):
            self._put(moved)

    def numbers(self, operation: Operation, filters: Filters = ALL) -> Numbers:
        """Of the listings of a walk, newest first."""
        code = OPERATIONS.index(operation)
        found = self._listed.get((code, filters))
        if found is None:
            found = -self._keys[code] & ((1 << _NUMBER_BITS) - 1)
            if filters != ALL:
                found = found[self._match(code, found, filters)]
            self._listed[code, filters] = found
        return found

    def shown(self) -> Numbers:
        """The newest number first."""
        there = np.flatnonzero(self.row >= 0)
        found: Numbers = there[self._history.kind[self.row[there]] != REMOVED][::-1]
        return found

    def older(self, number: int, operation: Operation, count: int) -> list[int]:
        """The next of the same operation, around the end."""
        keys = self._keys[OPERATIONS.index(operation)]
        after = int(np.searchsorted(keys, self._key(np.array([number]))[0], side="right"))
        numbers = self.numbers(operation)
        around = [int(numbers[(after + step) % len(keys)]) for step in range(min(count + 1, len(keys)))]
        return [one for one in around if one != number][:count]

    def _put(self, moved: Numbers) -> None:
        self._touched[moved] = True
        for operation, keys in enumerate(self._keys):
            stay = keys[~self._touched[-keys & ((1 << _NUMBER_BITS) - 1)]]
            come = np.sort(self._keys_of(operation, moved))
            self._keys[operation] = np.insert(stay, np.searchsorted(stay, come), come)
        self._touched[moved] = False

    def _keys_of(self, operation: int, numbers: Numbers) -> Numbers:
        """Of those among the numbers that are shown under the operation."""
        rows = self.row[numbers]
        first, second = self._stands(operation, numbers)
        shown = (self._history.kind[rows] != REMOVED) & (first | second)
        return self._key(numbers[shown])

    def _key(self, numbers: Numbers) -> Numbers:
        """Ascending is newest first; no two have the same."""
        keys: Numbers = -((self._history.sort_at[self.row[numbers]] << _NUMBER_BITS) | numbers)
        return keys

    def _stands(self, operation: int, numbers: Numbers) -> tuple[Flags, Flags]:
        """Whether the first, and the second, offer is of the operation."""
        bits = self._history.offers[self.row[numbers]]
        first = (self._people.operation[numbers] == operation) & (bits & 1 > 0)
        return first, (bits & 2 > 0) & (operation == RENT)

    def _match(self, operation: int, numbers: Numbers, filters: Filters) -> Flags:
        people, rows = self._people, self.row[numbers]
        matches = np.ones(len(numbers), dtype=bool)
        if filters.property_type is not None:
            matches &= people.kind[numbers] == KINDS.index(filters.property_type)
        if filters.place is not None:
            within = np.array([place.state == STATE_OF[filters.place] for place in PLACES])
            matches &= within[people.place[numbers]]
        if filters.has_prices:
            first, _ = self._stands(operation, numbers)
            amount = np.where(first, self._history.amounts[0][rows], self._history.amounts[1][rows])
            pesos = amount * np.where(people.dollars[numbers] | ~first, PESOS_PER_DOLLAR, 1)
            matches &= (amount >= 0) & ~(people.per_m2[numbers] & first)
            matches &= pesos >= (filters.price_from or 0) * 100
            if filters.price_to is not None:
                matches &= pesos <= filters.price_to * 100
        return matches
