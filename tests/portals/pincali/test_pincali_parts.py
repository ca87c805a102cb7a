"""Addresses of a scope's parts."""

import pytest

from propspider import portals
from propspider.items import WHOLE, Operation, Part, PropertyType

PINCALI = portals.load("pincali")
LISTINGS = f"{PINCALI.facts.base_url}/en/properties"
HOUSE = PropertyType.HOUSE


def priced(low: int | None, high: int | None, **more: object) -> Part:
    return Part(price_from=low, price_to=high, currency="MXN", operation=Operation.SALE, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scope", "part", "path"),
    [
        ("sale", WHOLE, "properties-for-sale"),
        ("sale", Part(property_type=HOUSE), "houses-for-sale"),
        ("rent", Part(property_type=PropertyType.APARTMENT), "apartments-for-rent"),
        ("sale", Part(property_type=PropertyType.LOT, place="quintana-roo"), "land-for-sale-in-quintana-roo"),
        ("rent", Part(place="estado-de-mexico"), "properties-for-rent-in-estado-de-mexico"),
        ("sale", priced(None, 5), "properties-for-sale?currency_id=10&max_price=5"),
        ("sale", priced(6, None), "properties-for-sale?currency_id=10&min_price=6"),
        ("sale", priced(0, 0), "properties-for-sale?currency_id=10&min_price=0&max_price=0"),
        (
            "sale",
            priced(6, 10**12, property_type=HOUSE, place="nuevo-leon"),
            "houses-for-sale-in-nuevo-leon?currency_id=10&min_price=6&max_price=1000000000000",
        ),
    ],
)
def test_the_address_of_a_part(scope: str, part: Part, path: str) -> None:
    assert PINCALI.page_url(scope, 1, part) == f"{LISTINGS}/{path}"
    joined = "&" if "?" in path else "?"
    assert PINCALI.page_url(scope, 7, part) == f"{LISTINGS}/{path}{joined}page=7"


def test_every_type_and_every_state_can_be_walked() -> None:
    split = PINCALI.facts.split
    assert split is not None
    assert set(split.types) == set(PropertyType)
    assert len(split.places) == len(set(split.places.values())) == 32


def test_only_scopes_with_such_addresses_can_be_split() -> None:
    assert [scope for scope in PINCALI.facts.scopes if PINCALI.can_split(scope)] == ["sale", "rent"]
    with pytest.raises(ValueError, match="foreclosure"):
        PINCALI.page_url("foreclosure", 1, Part(property_type=HOUSE))
    assert PINCALI.page_url("foreclosure", 1).endswith("/properties-for-foreclosure")


def test_parts_that_have_no_address() -> None:
    with pytest.raises(KeyError):
        PINCALI.page_url("sale", 1, Part(place="atlantis"))
    with pytest.raises(ValueError, match="USD"):
        PINCALI.page_url("sale", 1, Part(price_to=5, currency="USD", operation=Operation.SALE))
