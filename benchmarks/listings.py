"""Invented detail items as full as a portal's, and how they change between two readings."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import attrs

from benchmarks.ground import PORTAL
from propspider.items import Claim, Offer, Operation, PropertyItem, PropertyType
from propspider.pipelines.diff import content_hash
from propspider.quality.scoring import completeness

START = datetime(2026, 3, 1, tzinfo=UTC)
UNCHANGED, NEW = 0.7, 0.1
_TEXT = (
    "house garden bright kitchen terrace view quiet street school market park roof pool wood stone new restored large"
    " bedroom closet bathroom laundry cistern gate guard parking two three storey family investment opportunity near"
)
_WORDS = _TEXT.split()
_CITIES = ("Valle Hermoso", "San Ejemplo", "Puerto Nuevo", "Villa Clara")


class Listings:
    """Keeps what was read last; `reading` deals the next reading of some."""

    def __init__(self) -> None:
        self._last: dict[int, PropertyItem] = {}
        self._random = Random(11)  # noqa: S311 - invented listings, not secrets
        self._readings = 0

    def first(self, count: int) -> list[PropertyItem]:
        self._readings += 1
        return [self._read(self._make(len(self._last) + 1)) for _ in range(count)]

    def reading(self, count: int) -> list[PropertyItem]:
        """70 % unchanged, 20 % changed in one to three fields, 10 % new, mixed."""
        self._readings += 1
        new, unchanged = round(count * NEW), round(count * UNCHANGED)
        known = self._random.sample(sorted(self._last), count - new)
        items = [self._read(self._last[number]) for number in known[:unchanged]]
        items += [self._read(self._changed(self._last[number])) for number in known[unchanged:]]
        items += [self._read(self._make(len(self._last) + 1)) for _ in range(new)]
        self._random.shuffle(items)
        return items

    def _read(self, item: PropertyItem) -> PropertyItem:
        seen = attrs.evolve(item, observed_at=START + timedelta(hours=self._readings))
        self._last[int(item.internal_id or 0)] = seen
        return seen

    def _text(self, words: int) -> str:
        return " ".join(self._random.choices(_WORDS, k=words))

    def _make(self, number: int) -> PropertyItem:
        key = f"EB-P{number}"
        images = tuple(f"https://images.example.com/{number}/{image}.jpg?version=1" for image in range(12))
        facts: dict[str, Any] = {
            "title": f"House {number} in {_CITIES[number % 4]}",
            "description": self._text(75),
            "language": "en",
            "property_type": PropertyType.HOUSE,
            "offers": (Offer(Operation.SALE, amount=Decimal(1_000_000 + number), currency="MXN"),),
            "address": f"Calle {number}, Centro, {_CITIES[number % 4]}",
            "neighborhood": "Centro",
            "city": _CITIES[number % 4],
            "state": "Jalisco",
            "postal_code": f"{number % 99999:05}",
            "country": "MX",
            "latitude": 20 + number % 1000 / 1000,
            "longitude": -103 - number // 1000 % 1000 / 1000,
            "exact_location": True,
            "bedrooms": 3,
            "bathrooms": 2,
            "half_bathrooms": 1,
            "parking_spaces": 2,
            "total_area_m2": Decimal(180),
            "covered_area_m2": Decimal(150),
            "lot_size_m2": Decimal(200),
            "age_years": 5,
            "features": ("3 bedrooms", "2 bathrooms", "garden"),
            "amenities": {"Exterior": ["Garden", "Terrace"], "Services": ["Gas", "Cistern"]},
            "main_image_url": images[0],
            "image_urls": images,
            "agent_name": "Ana Example",
            "agent_phone": "+525555550100",
            "agency_name": "Example Homes",
            "message_url": f"https://www.pincali.com/home/house-{number}/messages",
            "published_at": START,
            "internal_id": str(number),
            "portal": PORTAL,
        }
        return _finished(PropertyItem(f"{PORTAL}:{key}", f"https://www.pincali.com/en/home/house-{number}", **facts))

    def _changed(self, item: PropertyItem) -> PropertyItem:
        amount = item.offers[0].amount or Decimal(0)
        changes: dict[str, Any] = {
            "offers": (attrs.evolve(item.offers[0], amount=amount * Decimal("0.97")),),
            "description": self._text(75),
            "bedrooms": (item.bedrooms or 0) + 1,
            "title": f"{item.title} {self._readings}",
            "parking_spaces": (item.parking_spaces or 0) + 1,
        }
        names = self._random.sample(sorted(changes), self._random.randint(1, 3))
        return _finished(attrs.evolve(item, **{name: changes[name] for name in names}))


def _finished(item: PropertyItem) -> PropertyItem:
    """As the pipelines hand it on."""
    row = {**attrs.asdict(item, recurse=False), "price": item.offers[0].amount}
    return attrs.evolve(item, content_hash=content_hash(item), data_completeness_score=completeness(row))


def claimed(items: list[PropertyItem], claims: dict[str, Claim]) -> list[PropertyItem]:
    return [attrs.evolve(item, claim=claims[item.property_id]) for item in items]
