"""Dividing a scope until its parts can be walked."""

import random
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from propspider.items import WHOLE, ManifestEntry, Offer, Operation, Part, PriceKind, PriceUnit, PropertyType
from propspider.portals.contract import Split
from propspider.portals.partition import HIGHEST, allows, children

HOUSE, LOT = PropertyType.HOUSE, PropertyType.LOT
SPLIT = Split(types={HOUSE: "houses", LOT: "land"}, places={"north": "n", "south": "s", "east": "e"}, prices=True)
BY_PRICE = Split(order=("price",), prices=True)

amounts = st.one_of(
    st.integers(0, 30), st.integers(0, 2 * 10**7), st.integers(0, 10**13), st.sampled_from([1_000_000, 1_500_000, HIGHEST])
)
samples = st.lists(st.one_of(amounts.map(Decimal), amounts.map(lambda amount: Decimal(amount) + Decimal("0.5"))), max_size=40)
totals = st.integers(1, 10**6)


@st.composite
def price_parts(draw: st.DrawFn) -> Part:
    low, high = sorted((draw(amounts), draw(amounts)))
    return priced(draw(st.sampled_from([low, None])), draw(st.sampled_from([high, None])))


def priced(low: int | None, high: int | None) -> Part:
    return Part(price_from=low, price_to=high, currency="MXN", operation=Operation.SALE)


def divide(part: Part, *, split: Split = SPLIT, **more: Any) -> tuple[str, tuple[Part, ...]] | None:
    known: dict[str, Any] = {
        "without": frozenset(),
        "operation": Operation.SALE,
        "currency": "MXN",
        "total": 10_000,
        "fits": 2_400,
        "prices": (),
    }
    return children(part, split=split, **known | more)


def width(part: Part) -> int:
    return (HIGHEST if part.price_to is None else part.price_to) - (part.price_from or 0)


def holds(part: Part, amount: int) -> bool:
    return (part.price_from or 0) <= amount and (part.price_to is None or amount <= part.price_to)


def entry(*offers: Offer, kind: PropertyType | None = HOUSE) -> ManifestEntry:
    return ManifestEntry("x:1", "https://x.example/1", offers=offers, property_type=kind)


def sale(amount: int | str | Decimal | None, currency: str = "MXN", **more: Any) -> Offer:
    if amount is None:
        return Offer(Operation.SALE, PriceKind.ON_REQUEST)
    return Offer(Operation.SALE, amount=Decimal(amount), currency=currency, **more)


class TestChildren:
    def test_dimensions_come_in_the_portals_order_each_once_and_price_last(self) -> None:
        assert divide(WHOLE) == ("type", (Part(property_type=HOUSE), Part(property_type=LOT)))
        houses = Part(property_type=HOUSE)
        assert divide(houses) == ("place", tuple(evolve(houses, place=place) for place in ("north", "south", "east")))
        found = divide(Part(property_type=HOUSE, place="north"))
        assert found is not None
        assert found[0] == "price"
        assert {(part.property_type, part.place, part.currency, part.operation) for part in found[1]} == {
            (HOUSE, "north", "MXN", Operation.SALE)
        }

    def test_another_order(self) -> None:
        order = Split(order=("place", "type"), types=SPLIT.types, places=SPLIT.places)
        assert [(divide(part, split=order) or ("", ()))[0] for part in (WHOLE, Part(place="north"))] == ["place", "type"]
        assert divide(Part(place="north", property_type=HOUSE), split=order) is None

    @pytest.mark.parametrize(
        ("without", "dimension"), [({"type"}, "place"), ({"type", "place"}, "price"), ({"type", "place", "price"}, None)]
    )
    def test_filters_without_effect_are_passed_over(self, without: set[str], dimension: str | None) -> None:
        found = divide(WHOLE, without=frozenset(without))
        assert (found[0] if found else None) == dimension

    def test_a_portal_without_a_price_filter_has_no_ranges(self) -> None:
        assert divide(WHOLE, split=Split(prices=False), prices=[Decimal(1)] * 9) is None

    def test_ranges_follow_the_sample(self) -> None:
        prices = [Decimal(1_000_000 + 10_000 * step) for step in range(24)]
        found = divide(WHOLE, split=BY_PRICE, total=6_000, fits=2_400, prices=prices)
        assert found == (
            "price",
            (priced(None, 1_059_999), priced(1_060_000, 1_119_999), priced(1_120_000, 1_179_999), priced(1_180_000, None)),
        )

    def test_without_a_sample_the_middle_is_one_of_magnitude(self) -> None:
        assert divide(WHOLE, split=BY_PRICE) == ("price", (priced(None, 10**6), priced(10**6 + 1, None)))
        assert divide(priced(100, 10_000), split=BY_PRICE) == ("price", (priced(100, 1000), priced(1001, 10_000)))

    def test_an_amount_that_most_have_gets_a_range_of_its_own(self) -> None:
        prices = [Decimal(900)] * 20 + [Decimal(100), Decimal(5000)]
        found = divide(WHOLE, split=BY_PRICE, prices=prices)
        assert found is not None
        assert priced(900, 900) in found[1]

    @pytest.mark.parametrize("part", [priced(7, 7), priced(None, 0), priced(HIGHEST, None), priced(9, 3)])
    def test_one_amount_is_not_divided_by_price(self, part: Part) -> None:
        assert divide(part, split=BY_PRICE, prices=[Decimal(7)] * 9) is None

    @given(part=price_parts(), total=totals, fits=totals, prices=samples)
    def test_ranges_are_disjoint_gapless_and_smaller(self, part: Part, total: int, fits: int, prices: list[Decimal]) -> None:
        found = divide(part, split=BY_PRICE, total=total, fits=fits, prices=prices)
        if found is None:
            assert width(part) <= 0
            return
        ranges = found[1]
        assert len(ranges) >= 2
        assert (ranges[0].price_from, ranges[-1].price_to) == (part.price_from, part.price_to)
        assert all(after.price_from == (before.price_to or 0) + 1 for before, after in pairwise(ranges))
        assert all(0 <= width(one) < width(part) for one in ranges)
        assert len({one.name for one in ranges}) == len(ranges)

    @given(part=price_parts(), prices=samples, amount=amounts)
    def test_every_whole_price_is_in_exactly_one_range(self, part: Part, prices: list[Decimal], amount: int) -> None:
        found = divide(part, split=BY_PRICE, prices=prices)
        if found is not None:
            assert sum(holds(one, amount) for one in found[1]) == holds(part, amount)

    @given(population=st.lists(amounts.filter(lambda amount: amount < HIGHEST), max_size=120), fits=st.integers(1, 20))
    def test_dividing_ends_and_loses_nothing(self, population: list[int], fits: int) -> None:
        leaves = walked(population, fits)
        assert sorted(amount for _, held in leaves for amount in held) == sorted(population)
        assert all(len(held) <= fits or width(part) <= 0 for part, held in leaves)

    def test_a_scope_of_ten_thousand_needs_few_ranges_beyond_the_least(self) -> None:
        source = random.Random(5)  # noqa: S311 - made-up prices
        population = [round(source.lognormvariate(14.5, 1.1), -3) for _ in range(10_000)]
        least = -(-10_000 // 240)
        assert len(walked([int(amount) for amount in population], 240)) < 2.2 * least


def walked(population: Sequence[int], fits: int) -> list[tuple[Part, list[int]]]:
    """The parts that are not divided any more, with the prices in each."""
    leaves, open_parts = [], [(WHOLE, list(population))]
    while open_parts:
        part, held = open_parts.pop()
        found = None
        if len(held) > fits:
            seen = [Decimal(amount) for amount in held[:24]]
            found = divide(part, split=BY_PRICE, total=len(held), fits=fits, prices=seen)
        if found is None:
            leaves.append((part, held))
        else:
            open_parts += [(one, [amount for amount in held if holds(one, amount)]) for one in found[1]]
    return leaves


class TestAllows:
    @pytest.mark.parametrize(
        ("part", "card", "answer"),
        [
            (WHOLE, entry(kind=None), True),
            (Part(place="north"), entry(kind=None), True),
            (Part(property_type=HOUSE), entry(), True),
            (Part(property_type=LOT), entry(), False),
            (Part(property_type=LOT), entry(kind=None), None),
            (priced(10, 20), entry(sale(10)), True),
            (priced(10, 20), entry(sale(20)), True),
            (priced(10, 20), entry(sale(9)), False),
            (priced(10, 20), entry(sale(21)), False),
            (priced(None, 20), entry(sale(0)), True),
            (priced(10, None), entry(sale(10**15)), True),
            (priced(10, 20), entry(sale("20.5")), True),
            (priced(21, 30), entry(sale("20.5")), True),
            (priced(22, 30), entry(sale("20.5")), False),
            (priced(10, 20), entry(sale(99, "USD")), None),
            (priced(10, 20), entry(sale(None)), None),
            (priced(10, 20), entry(sale(99, unit=PriceUnit.SQUARE_METER)), None),
            (priced(10, 20), entry(), None),
            (priced(10, 20), entry(sale(15), kind=None), True),
            (priced(10, 20), entry(sale(99), sale(15)), True),
            (priced(10, 20), entry(sale(99), Offer(Operation.RENT, amount=Decimal(15), currency="MXN")), False),
            (priced(10, 20), entry(Offer(Operation.RENT, amount=Decimal(99), currency="MXN")), None),
            (priced(10, 20), entry(sale(5, kind=PriceKind.RANGE, amount_max=Decimal(12))), True),
            (priced(10, 20), entry(sale(5, kind=PriceKind.RANGE, amount_max=Decimal(9))), False),
            (evolve(priced(10, 20), property_type=LOT), entry(sale(15)), False),
            (evolve(priced(10, 20), property_type=HOUSE), entry(sale(99)), False),
            (evolve(priced(10, 20), property_type=HOUSE), entry(sale(99), kind=None), False),
            (evolve(priced(10, 20), property_type=HOUSE), entry(sale(15), kind=None), None),
        ],
    )
    def test_what_a_card_says_of_a_part(self, part: Part, card: ManifestEntry, answer: bool | None) -> None:
        assert allows(part, card) is answer

    @given(part=price_parts(), amount=amounts, kind=st.sampled_from([None, HOUSE]))
    def test_it_agrees_with_membership(self, part: Part, amount: int, kind: PropertyType | None) -> None:
        one = evolve(part, property_type=kind)
        assert allows(one, entry(sale(amount))) is holds(part, amount)

    @given(part=price_parts(), prices=samples, amount=amounts)
    def test_of_the_ranges_of_a_part_one_allows_a_whole_price(self, part: Part, prices: list[Decimal], amount: int) -> None:
        found = divide(part, split=BY_PRICE, prices=prices)
        if found is not None:
            assert sum(allows(one, entry(sale(amount))) is True for one in found[1]) == holds(part, amount)
