"""Live rows as a promotion leaves them, written directly: a test names what it is about."""

import json
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

from propspider.quality.duplicates.refresh import Refreshed, refresh

DAY_ONE = datetime(2026, 3, 1, 12, tzinfo=UTC)

_HOUSE = {
    "portal": "pincali",
    "source_url": "https://www.pincali.com/en/home/x",
    "title": "Casa",
    "property_type": "house",
    "address": "Av. Juárez 120, Col. Centro, Puebla",
    "city": "Puebla",
    "latitude": 19.04,
    "longitude": -98.2,
    "total_area_m2": 180,
    "bedrooms": 3,
    "bathrooms": 2,
    "half_bathrooms": 0,
    "agency_name": None,
    "unit": None,
    "listing_status": "active",
}


def day(number: float) -> datetime:
    return DAY_ONE + timedelta(days=number)


def offer(amount: float | None, operation: str = "sale", currency: str = "MXN", unit: str = "total") -> dict[str, Any]:
    return {"operation": operation, "amount": amount, "currency": currency, "unit": unit}


def house(
    property_id: str, price: float | None = 2_500_000, *offers: dict[str, Any], seen: float = 0, **facts: Any
) -> dict[str, Any]:
    """A house in a street of Puebla; listings without further facts are of one property."""
    portal, _, _ = property_id.partition(":")
    all_of = [*([offer(price)] if price is not None else []), *offers]
    return {**_HOUSE, "property_id": property_id, "portal": portal, "first_seen_at": day(seen), **facts, "offers": all_of}


def put(engine: Engine, *listings: dict[str, Any]) -> None:
    """Written or overwritten."""
    names = [*listings[0]] if listings else []
    values = ", ".join(f"CAST(:{name} AS jsonb)" if name == "offers" else f":{name}" for name in names)
    updates = ", ".join(f"{name} = excluded.{name}" for name in names if name != "property_id")
    command = (
        f"INSERT INTO properties_live ({', '.join(names)}, scraped_at) VALUES ({values}, :first_seen_at)"  # noqa: S608 - column names
        f" ON CONFLICT (property_id) DO UPDATE SET {updates}"
    )
    with engine.begin() as connection:
        connection.execute(text(command), [{**listing, "offers": json.dumps(listing["offers"])} for listing in listings])


def arrive(engine: Engine, *listings: dict[str, Any]) -> Refreshed:
    """Put, and looked at as one batch."""
    put(engine, *listings)
    return look(engine, [listing["property_id"] for listing in listings])


def look(engine: Engine, property_ids: Iterable[str]) -> Refreshed:
    with engine.begin() as connection:
        return refresh(connection, list(property_ids))


def grouped(engine: Engine) -> dict[str, list[str]]:
    query = (
        "SELECT group_id, array_agg(property_id ORDER BY property_id) AS members FROM property_group_members GROUP BY group_id"
    )
    with engine.connect() as connection:
        return {row.group_id: list(row.members) for row in connection.execute(text(query))}


def state(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """All that is derived, without its dates."""
    of = {
        "duplicate_features": "*",
        "duplicate_blocks": "*",
        "duplicate_edges": "property_a, property_b, score, reasons::text",
        "property_groups": "group_id",
        "property_group_members": "property_id, group_id",
    }
    with engine.connect() as connection:
        return {
            table: sorted(map(tuple, connection.execute(text(f"SELECT {columns} FROM {table}"))), key=repr)  # noqa: S608 - names
            for table, columns in of.items()
        }


# --- a world with a known truth ---

_STREETS = ("Juárez", "Hidalgo", "Cinco de Mayo", "Reforma", "Los Pinos", "Insurgentes", "Allende", "Las Flores")
_HOODS = ("Centro", "Roma", "Vista Hermosa", "Del Valle", "Las Américas")
_KINDS = ("Av.", "Avenida", "Calle", "C.", "Privada")


def world(seed: int, properties: int, *, again: float = 0.4) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Listings, and the property of each. Some are listed again by another agency, retitled, at a slightly other price, a part of
    the address or the area hidden, or without coordinates. Flats share buildings.
    """
    dice = random.Random(seed)  # noqa: S311
    buildings = [_place(dice) for _ in range(max(1, properties // 8))]
    listings: list[dict[str, Any]] = []
    truth: dict[str, int] = {}
    for number in range(properties):
        is_flat = dice.random() < 0.4
        place = {**dice.choice(buildings), "unit": str(dice.randint(1, 60))} if is_flat else _place(dice)
        facts = {
            "property_type": "apartment" if is_flat else dice.choice(("house", "lot", "office")),
            "total_area_m2": dice.randint(50, 400),
            "bedrooms": dice.randint(1, 5),
            "bathrooms": dice.randint(1, 4),
        }
        price = round(dice.lognormvariate(14.7, 0.6), -3)
        copies = 1 + sum(dice.random() < again for _ in range(2))
        for agency in dice.sample(range(300), copies):
            property_id = f"pincali:EB-{len(listings):06}"
            truth[property_id] = number
            listings.append(_listed(dice, property_id, price, place, facts, agency))
    dice.shuffle(listings)
    return listings, truth


def _place(dice: random.Random) -> dict[str, Any]:
    return {
        "street": dice.choice(_STREETS),
        "number": str(dice.randint(1, 900)),
        "hood": dice.choice(_HOODS),
        "latitude": 19.04 + dice.uniform(-0.05, 0.05),
        "longitude": -98.2 + dice.uniform(-0.05, 0.05),
        "unit": None,
    }


def _listed(
    dice: random.Random, property_id: str, price: float, place: dict[str, Any], facts: dict[str, Any], agency: int
) -> dict[str, Any]:
    street = f"{dice.choice(_KINDS)} {place['street']}"
    if dice.random() < 0.7:
        street += f" {place['number']}"
        if place["unit"] and dice.random() < 0.5:
            street += f" Int. {place['unit']}"
    lines: Sequence[str] = (
        (street, f"Col. {place['hood']}", "Puebla") if dice.random() < 0.9 else (f"Col. {place['hood']}", "Puebla")
    )
    has_point = dice.random() < 0.95
    return house(
        property_id,
        price if dice.random() < 0.6 else round(price * dice.gauss(1, 0.02), -2),
        title=f"{dice.choice(('Casa', 'Hermosa propiedad', 'Oportunidad'))} en {place['hood']}",
        address=", ".join(lines),
        latitude=place["latitude"] + dice.gauss(0, 0.0002) if has_point else None,
        longitude=place["longitude"] + dice.gauss(0, 0.0002) if has_point else None,
        agency_name=f"Agency {agency}",
        seen=dice.uniform(0, 200),
        **{**facts, "total_area_m2": facts["total_area_m2"] if dice.random() < 0.8 else None},
    )
