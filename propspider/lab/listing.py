"""One listing of the simulated portal and how it is made up. Everything here is a pure function of its random source."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from random import Random
from typing import NamedTuple
from uuid import UUID

import attrs
from attrs import frozen

from propspider.items import Offer, Operation, PriceKind, PriceUnit, PropertyType
from propspider.lab.catalogue import (
    AGENCIES,
    AGENTS,
    AMENITIES,
    DEALS,
    PLACES,
    REVISION,
    REVISIONS,
    SENTENCES,
    STREETS,
    TITLES,
    TYPES,
    Bilingual,
    Place,
    Range,
    TypeSpec,
)

PESOS_PER_DOLLAR = 18
ON_REQUEST = 0.05
"""Share of the listings that have their price on request."""
IN_DOLLARS = 0.12
"""Share of the others, those priced per m² aside, that are priced in US$."""
FIRST_INTERNAL_NUMBER = 5_200_000
INTERNAL_STEP = 61
IMAGE_HOST = "https://assets.easybroker.com/property_images"


class Standing(StrEnum):
    """`sold` and `withdrawn`: its own page is still there and says so, no listing page shows it."""

    SHOWN = "shown"
    SOLD = "sold"
    WITHDRAWN = "withdrawn"


@frozen(kw_only=True)
class Listing:
    """Areas in m², coordinates in degrees (the neighbourhood's centre unless `exact_location`), `published_at` at -06:00."""

    number: int
    public_id: str
    internal_id: str
    slug: str
    property_type: PropertyType
    offers: tuple[Offer, ...]
    title: Bilingual
    description: Bilingual
    place: Place
    neighborhood: str
    street: str | None
    postal_code: str
    latitude: float
    longitude: float
    exact_location: bool
    bedrooms: int | None
    bathrooms: int | None
    half_bathrooms: int | None
    parking_spaces: int | None
    built_m2: Decimal | None
    lot_m2: Decimal | None
    floor_number: int | None
    construction_year: int | None
    amenities: Mapping[Bilingual, tuple[Bilingual, ...]]
    image_ids: tuple[int, ...]
    image_version: int
    agent_name: str
    agency_name: str
    published_at: datetime
    standing: Standing = Standing.SHOWN

    @property
    def operations(self) -> frozenset[Operation]:
        return frozenset(offer.operation for offer in self.offers)

    def pesos(self, operation: Operation) -> Decimal | None:
        """Its total price for a price filter, in MXN; None for a price on request or per m²."""
        for offer in self.offers:
            if offer.operation is operation and offer.unit is PriceUnit.TOTAL and offer.amount is not None:
                return offer.amount * (PESOS_PER_DOLLAR if offer.currency == "USD" else 1)
        return None

    @property
    def address(self) -> str:
        return ", ".join(filter(None, (self.street, self.neighborhood, self.place.city, self.place.state)))

    @property
    def is_new(self) -> bool:
        """Stated in place of a construction year."""
        return Operation.NEW_CONSTRUCTION in self.operations and self.built_m2 is not None

    @property
    def image_urls(self) -> tuple[str, ...]:
        return tuple(
            f"{IMAGE_HOST}/{self.internal_id}/{image}/{self.public_id}.jpg?version={self.image_version}"
            for image in self.image_ids
        )


class Given(NamedTuple):
    """What `compose` does not invent."""

    internal: int
    slug: str
    property_type: PropertyType
    place: Place
    neighborhood: str
    exact_location: bool
    coordinates: tuple[float, float]
    bathrooms: int | None
    offers: tuple[Offer, ...]


def invent(
    *,
    source: Random,
    number: int,
    operation: Operation,
    also_for_rent: bool,
    published_at: datetime,
    without_price: float = ON_REQUEST,
    in_dollars: float = IN_DOLLARS,
) -> Listing:
    """The slug is not unique yet. The first 18 numbers cover the 18 types."""
    kinds = list(TYPES)
    kind = kinds[number] if number < len(kinds) else source.choices(kinds, [spec.weight for spec in TYPES.values()])[0]
    spec = TYPES[kind]
    place = source.choice(PLACES)
    neighborhood = source.choice(place.neighborhoods)
    exact = source.random() < 0.6
    given = Given(
        property_type=kind,
        place=place,
        neighborhood=neighborhood,
        exact_location=exact,
        coordinates=located(source, place, neighborhood, exact=exact),
        internal=FIRST_INTERNAL_NUMBER + number * INTERNAL_STEP + source.randrange(INTERNAL_STEP),
        bathrooms=bathrooms_of(source, kind),
        slug=_slug(source, spec, operation, place, neighborhood),
        offers=_offers(source, spec, operation, also_for_rent=also_for_rent, without_price=without_price, in_dollars=in_dollars),
    )
    return compose(source, number, operation, given, published_at)


def compose(source: Random, number: int, operation: Operation, given: Given, published_at: datetime) -> Listing:
    spec, first_image = TYPES[given.property_type], given.internal * 17
    latitude, longitude = given.coordinates
    return Listing(
        number=number,
        public_id=public_id_of(given.internal),
        internal_id=str(given.internal),
        slug=given.slug,
        property_type=given.property_type,
        offers=given.offers,
        title=new_title(source, given.property_type, operation, given.neighborhood),
        description=_described(source.sample(SENTENCES, source.randint(3, 7))),
        place=given.place,
        neighborhood=given.neighborhood,
        street=f"{source.choice(STREETS)} {source.randint(1, 480)}" if given.exact_location and source.random() < 0.5 else None,
        postal_code=f"{given.place.postal}{source.randrange(100):02}",
        latitude=latitude,
        longitude=longitude,
        exact_location=given.exact_location,
        bedrooms=source.randint(*spec.bedrooms) if spec.bedrooms else None,
        bathrooms=given.bathrooms,
        half_bathrooms=source.choice((None, None, 1, 2)) if given.bathrooms else None,
        parking_spaces=source.choice((None, 1, 2, 3)) if spec.built else None,
        built_m2=_area(source, spec.built),
        lot_m2=_area(source, spec.lot),
        floor_number=source.randint(1, 22) if spec.on_a_floor else None,
        construction_year=source.choice((None, source.randint(1972, 2025))) if spec.built else None,
        amenities=_amenities(source) if spec.built else {},
        image_ids=tuple(first_image + i for i in range(source.randint(1, 18))),
        image_version=1_700_000_000 + number,
        agent_name=source.choice(AGENTS),
        agency_name=source.choice(AGENCIES),
        published_at=published_at,
    )


def repriced(source: Random, listing: Listing) -> Listing:
    """One offer moves by 2-12 %, always to another amount. The listing must have a stated price."""
    offers = list(listing.offers)
    index = source.choice([i for i, offer in enumerate(offers) if offer.amount is not None])
    amount = offers[index].amount or Decimal(0)
    percent = source.choice((-12, -8, -5, -3, -2, 2, 3, 4, 6))
    offers[index] = attrs.evolve(offers[index], amount=_rounded(amount * (100 + percent) / 100))
    return attrs.evolve(listing, offers=tuple(offers))


def revised(source: Random, listing: Listing, *, day: int) -> Listing:
    """A new sentence in the description and, half of the time, another title. The slug stays."""
    description = noted(source, listing.description, day)
    title = listing.title
    if source.random() < 0.5:
        title = new_title(source, listing.property_type, listing.offers[0].operation, listing.neighborhood)
    return attrs.evolve(listing, description=description, title=title)


def noted(source: Random, description: Bilingual, day: int) -> Bilingual:
    """With one more sentence, which no other day's description has."""
    what = source.choice(REVISIONS)
    note = Bilingual(REVISION.en.format(day=day, what=what.en), REVISION.es.format(day=day, what=what.es))
    return Bilingual(f"{description.en}\n{note.en}", f"{description.es}\n{note.es}")


def random_source(*key: object) -> Random:
    """The same key gives the same numbers on every machine and Python version."""
    return Random("/".join(map(str, key)))  # noqa: S311 - invented listings, not secrets


def located(source: Random, place: Place, neighborhood: str, *, exact: bool) -> tuple[float, float]:
    """Degrees; the same for all of a neighbourhood that are not exact."""
    return _near(source if exact else random_source("neighborhood", place.city, neighborhood), place)


def bathrooms_of(source: Random, kind: PropertyType) -> int | None:
    return source.randint(1, 6) if TYPES[kind].bedrooms else source.choice((None, 1, 2))


def _near(source: Random, place: Place) -> tuple[float, float]:
    return round(place.latitude + source.uniform(-0.04, 0.04), 7), round(place.longitude + source.uniform(-0.04, 0.04), 7)


def public_id_of(internal: int) -> str:
    """Two letters from the leading digits, then the last four: unique for 6.76 million consecutive internal numbers."""
    lead, last = divmod(internal, 10_000)
    first, second = divmod(lead % 676, 26)
    return f"EB-{chr(65 + first)}{chr(65 + second)}{last:04}"


def slug_of(words: str) -> str:
    ascii_words = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_words).strip("-")


def slug_words(label: str, operation: Operation, place: Place, neighborhood: str) -> str:
    """`label` of its type, in Spanish."""
    return slug_of(f"{label} en {DEALS[operation].es} en {neighborhood} {place.city}")


def _slug(source: Random, spec: TypeSpec, operation: Operation, place: Place, neighborhood: str) -> str:
    slug = slug_words(spec.label.es, operation, place, neighborhood)
    return f"{slug}-{UUID(int=source.getrandbits(128), version=4)}" if source.random() < 0.12 else slug


def new_title(source: Random, kind: PropertyType, operation: Operation, neighborhood: str) -> Bilingual:
    pattern, deal, label = source.choice(TITLES), DEALS[operation], TYPES[kind].label
    return Bilingual(
        pattern.en.format(kind=label.en, deal=deal.en, place=neighborhood),
        pattern.es.format(kind=label.es, deal=deal.es, place=neighborhood),
    )


def _described(sentences: list[Bilingual]) -> Bilingual:
    return Bilingual("\n".join(s.en for s in sentences), "\n".join(s.es for s in sentences))


def _offers(
    source: Random,
    spec: TypeSpec,
    operation: Operation,
    *,
    also_for_rent: bool,
    without_price: float,
    in_dollars: float,
) -> tuple[Offer, ...]:
    sale = Decimal(source.randint(*spec.sale) * 1000)
    rent = Decimal(source.randint(*spec.rent) * 100)
    if also_for_rent:
        dollars = _rounded(rent / PESOS_PER_DOLLAR)
        return (
            Offer(operation=operation, amount=_rounded(sale), currency="MXN"),
            Offer(operation=Operation.RENT, amount=dollars, currency="USD"),
        )
    chance = source.random()
    if chance < without_price:
        return (Offer(operation=operation, kind=PriceKind.ON_REQUEST),)
    if spec.sold_by_area and chance < 0.45:
        per_area = Decimal(source.randint(800, 36_000)) / 2
        return (Offer(operation=operation, amount=per_area, currency="MXN", unit=PriceUnit.SQUARE_METER),)
    kind = PriceKind.FROM if operation is Operation.NEW_CONSTRUCTION and chance < 0.5 else PriceKind.EXACT
    amount = rent if operation is Operation.RENT else sale
    if source.random() < in_dollars:
        return (Offer(operation=operation, kind=kind, amount=_rounded(amount / PESOS_PER_DOLLAR), currency="USD"),)
    return (Offer(operation=operation, kind=kind, amount=_rounded(amount), currency="MXN"),)


def _rounded(amount: Decimal) -> Decimal:
    """To a step well below 2 % of the amount, so that a price move never rounds away."""
    steps = ((1_000_000, "10000"), (100_000, "1000"), (10_000, "100"), (1_000, "10"), (0, "0.5"))
    step = Decimal(next(step for least, step in steps if amount >= least))
    return (amount / step).to_integral_value() * step


def _area(source: Random, span: Range | None) -> Decimal | None:
    if span is None:
        return None
    return Decimal(source.randint(*span)) + source.choice((Decimal(0), Decimal(0), Decimal("0.25"), Decimal("0.41")))


def _amenities(source: Random) -> Mapping[Bilingual, tuple[Bilingual, ...]]:
    groups = [group for group in AMENITIES if source.random() < 0.6]
    return {group: tuple(source.sample(AMENITIES[group], source.randint(1, len(AMENITIES[group])))) for group in groups}
