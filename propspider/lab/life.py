"""The truth of a living portal: everything that happens to its listings in a run, known beforehand and told by the moment."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache

import attrs
import numpy as np

from propspider.items import Offer, Operation, PriceKind, PriceUnit
from propspider.lab import slugs
from propspider.lab.catalogue import AGENCIES, AGENTS, PLACES
from propspider.lab.history import KINDS, REMOVED, Manner, happen
from propspider.lab.listing import (
    FIRST_INTERNAL_NUMBER,
    Given,
    Listing,
    Standing,
    bathrooms_of,
    compose,
    located,
    new_title,
    noted,
    public_id_of,
    random_source,
)
from propspider.lab.parameters import MOST_LISTINGS, Parameters
from propspider.lab.population import KINDS as TYPES_BY_CODE
from propspider.lab.population import ON_REQUEST, OPERATIONS, PUBLIC_IDS, Numbers, populate
from propspider.lab.truth import Event, Fact

HERE = timezone(timedelta(hours=-6))
KEPT = 65_536
_PUBLIC_ID = re.compile(r"EB-([A-Z])([A-Z])([0-9]{4})")
_PRICE_KINDS = (PriceKind.EXACT, PriceKind.FROM, PriceKind.ON_REQUEST)


class Life:
    """Implements `Truth` from `start` (aware) on; nothing happens after `end`. What happens at a moment shows after it.

    The same parameters, listings, seed and days give the same run, with one release of numpy. Listings are invented when they are
    asked for. A row is a listing's state for a while, see `History`; numbers count listings. Safe to read from several threads.
    """

    def __init__(self, parameters: Parameters, *, listings: int, seed: int, start: datetime, days: float) -> None:
        """Raises ValueError, of parameters BadParameters."""
        if not 1 <= listings <= MOST_LISTINGS or days <= 0 or seed < 0:
            raise ValueError(f"a living world has 1 to {MOST_LISTINGS:,} listings, some days and a seed that is not negative")
        self.parameters, self.seed = parameters, seed
        self.start, self.end = start.astimezone(UTC), start.astimezone(UTC) + timedelta(days=days)
        self.people = populate(parameters, listings=listings, seed=seed, days=days)
        self.history = happen(parameters, self.people, seed=seed, days=days)
        self.fact = lru_cache(KEPT)(self._fact)
        self._composed = lru_cache(KEPT)(self._compose)

    def seconds(self, at: datetime) -> float:
        return (at - self.start).total_seconds()

    def moment(self, seconds: int) -> datetime:
        return self.start + timedelta(seconds=int(seconds))

    def events(self, since: datetime, until: datetime) -> Sequence[Event]:
        low, high = np.searchsorted(self.history.times, [max(0.0, self.seconds(since)), self.seconds(until)])
        return [self._event(int(row)) for row in self.history.in_time[low:high]]

    def facts(self, at: datetime) -> Mapping[str, Fact]:
        """Made when they are looked at."""
        return _Facts(self, self.rows(at))

    def born(self, at: datetime) -> int:
        """How many listings were ever shown until then: the first so many numbers."""
        return self.people.stock + int(np.searchsorted(self.people.born[self.people.stock :], self.seconds(at)))

    def rows(self, at: datetime) -> Numbers:
        """By number, the row of each listing that was ever shown until then. The stock is there from the start, and before it."""
        count = self.born(at)
        passed = np.concatenate([[0], np.cumsum(self.history.at < self.seconds(at))])
        first = self.history.first[:count]
        last = np.append(self.history.first, len(self.history.at))[1 : count + 1]
        rows: Numbers = first + passed[last] - passed[first] - 1
        return rows

    def row(self, number: int, at: datetime) -> int | None:
        """None for a listing that is not there yet."""
        if not 0 <= number < self.born(at):
            return None
        first = int(self.history.first[number])
        last = int(self.history.first[number + 1]) if number + 1 < len(self.history.first) else len(self.history.at)
        return first + int(np.searchsorted(self.history.at[first:last], self.seconds(at))) - 1

    def public_id(self, number: int) -> str:
        return public_id_of(int(self.people.internal[number]))

    def number_of(self, public_id: str) -> int | None:
        """None for an id that no listing of the run has."""
        found = _PUBLIC_ID.fullmatch(public_id)
        if found is None:
            return None
        value = ((ord(found[1]) - 65) * 26 + ord(found[2]) - 65) * 10_000 + int(found[3])
        number = (value - FIRST_INTERNAL_NUMBER) % PUBLIC_IDS // self.people.step
        return number if number < len(self.people) and self.public_id(number) == public_id else None

    def slug(self, row: int) -> str:
        number = int(self.history.listing[row])
        people = self.people
        place = PLACES[people.place[number]]
        head = slugs.words(
            TYPES_BY_CODE[people.kind[number]],
            OPERATIONS[people.operation[number]],
            place,
            place.neighborhoods[people.neighborhood[number]],
        )
        return slugs.slug(head, number, int(self.history.renames[row]))

    def published_at(self, number: int) -> datetime:
        return self.moment(self.people.published[number]).astimezone(HERE)

    def is_shown(self, row: int) -> bool:
        return int(self.history.kind[row]) != REMOVED

    def manner(self, row: int, at: datetime) -> Manner:
        """How the page of a listing that a removal's row has taken off answers: banners come down in the end."""
        manner = Manner(self.history.manner[row])
        age_days = (self.seconds(at) - int(self.history.at[row])) / 86_400
        is_over = manner in {Manner.SOLD, Manner.WITHDRAWN} and age_days > self.parameters.removal.banner_days
        return Manner.NOT_FOUND if is_over else manner

    def listing(self, row: int, standing: Standing = Standing.SHOWN) -> Listing:
        base, edits = self._composed(int(self.history.listing[row])), int(self.history.edits[row])
        changed = attrs.evolve(base, slug=self.slug(row), offers=self.offers(row), standing=standing)
        if not edits:
            return changed
        source = random_source(self.seed, "edit", base.number, edits)
        operation = OPERATIONS[self.people.operation[base.number]]
        title = base.title if edits % 2 else new_title(source, base.property_type, operation, base.neighborhood)
        return attrs.evolve(changed, description=noted(source, base.description, edits), title=title)

    def offers(self, row: int) -> tuple[Offer, ...]:
        number, bits = int(self.history.listing[row]), int(self.history.offers[row])
        first, second = (_money(int(amounts[row])) for amounts in self.history.amounts)
        found = []
        if bits & 1:
            on_request = self.people.price[number] == ON_REQUEST
            currency = "USD" if self.people.dollars[number] else "MXN"
            found.append(
                Offer(
                    operation=OPERATIONS[self.people.operation[number]],
                    kind=_PRICE_KINDS[self.people.price[number]],
                    amount=first,
                    currency=None if on_request else currency,
                    unit=PriceUnit.SQUARE_METER if self.people.per_m2[number] else PriceUnit.TOTAL,
                )
            )
        if bits & 2:
            found.append(Offer(operation=Operation.RENT, amount=second, currency="USD"))
        return tuple(found)

    def _event(self, row: int) -> Event:
        history, number = self.history, int(self.history.listing[row])
        kind, offer = int(history.kind[row]), int(history.offer[row])
        operation = None
        if offer >= 0:
            operation = Operation.RENT if offer else OPERATIONS[self.people.operation[number]]
        return Event(
            at=self.moment(history.at[row]),
            kind=KINDS[kind],
            public_id=self.public_id(number),
            operation=operation,
            old=_money(int(history.old[row])),
            new=_money(int(history.new[row])),
        )

    def _fact(self, row: int) -> Fact:
        listing = self.listing(row)
        return Fact(
            public_id=listing.public_id,
            home=int(self.people.home[listing.number]),
            is_shown=self.is_shown(row),
            slug=listing.slug,
            offers=listing.offers,
            title=listing.title.en,
            description=listing.description.en,
            published_at=listing.published_at,
        )

    def _compose(self, number: int) -> Listing:
        """As it is at first. A copy of another's home has that one's rooms and place, and words and pictures of its own."""
        people, home = self.people, int(self.people.home[number])
        kind, place = TYPES_BY_CODE[people.kind[number]], PLACES[people.place[number]]
        neighborhood = place.neighborhoods[people.neighborhood[number]]
        exact, source = bool(people.exact[number]), random_source(self.seed, "listing", number)
        agency, built = int(people.agency[number]), random_source(self.seed, "home", home)
        given = Given(
            internal=int(people.internal[number]),
            slug="",
            property_type=kind,
            place=place,
            neighborhood=neighborhood,
            exact_location=exact,
            coordinates=located(built, place, neighborhood, exact=exact),
            bathrooms=bathrooms_of(built, kind),
            offers=(),
        )
        listing = compose(source, number, OPERATIONS[people.operation[number]], given, self.published_at(number))
        listing = attrs.evolve(
            listing,
            agent_name=f"{AGENTS[agency % len(AGENTS)]} {agency + 1}",
            agency_name=f"{AGENCIES[agency % len(AGENCIES)]} {agency + 1}",
        )
        if home == number:
            return listing
        first = self._composed(home)
        return attrs.evolve(
            listing,
            street=first.street,
            postal_code=first.postal_code,
            bedrooms=first.bedrooms,
            half_bathrooms=first.half_bathrooms,
            parking_spaces=first.parking_spaces,
            built_m2=first.built_m2,
            lot_m2=first.lot_m2,
            floor_number=first.floor_number,
            construction_year=first.construction_year,
            amenities=first.amenities,
        )


class _Facts(Mapping[str, Fact]):
    def __init__(self, life: Life, rows: Numbers) -> None:
        self._life, self._rows = life, rows

    def __getitem__(self, public_id: str) -> Fact:
        number = self._life.number_of(public_id)
        if number is None or number >= len(self._rows):
            raise KeyError(public_id)
        return self._life.fact(int(self._rows[number]))

    def __iter__(self) -> Iterator[str]:
        return (self._life.public_id(number) for number in range(len(self._rows)))

    def __len__(self) -> int:
        return len(self._rows)


def _money(cents: int) -> Decimal | None:
    return None if cents < 0 else Decimal(cents) / 100
