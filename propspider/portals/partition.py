"""How a part of a scope is divided further, and whether a card can be of a part. Pure: no page, no request."""

from collections.abc import Sequence
from decimal import ROUND_FLOOR, Decimal
from itertools import pairwise
from math import isqrt
from typing import Literal

from attrs import evolve

from propspider.items import ManifestEntry, Offer, Operation, Part, PriceUnit
from propspider.portals.contract import Split

Dimension = Literal["type", "place", "price"]

FILLED_PERCENT = 70
"""Of what can be walked, what a price range is meant to hold: a sample of a few dozen misses its quantiles by as much."""
HIGHEST = 10**12
"""A range without an upper bound is divided below it only."""
_LEAST_SAMPLE = 3


def children(
    part: Part,
    *,
    split: Split,
    without: frozenset[str],
    operation: Operation,
    currency: str,
    total: int,
    fits: int,
    prices: Sequence[Decimal],
) -> tuple[Dimension, tuple[Part, ...]] | None:
    """The next way to divide a part of `total` listings of which `fits` can be walked; None when nothing is left to divide by.

    `without` names dimensions that have no effect. `prices` are totals of `operation` in `currency` seen in the part, a sample
    of any size. Price ranges are disjoint and leave no whole amount out; a listing without a total price is in none of them.
    Types and places may leave out listings too: what the children's totals lack is for the caller to find.
    """
    for dimension in split.order:
        parts: tuple[Part, ...] = ()
        if dimension in without:
            continue
        if dimension == "type" and part.property_type is None:
            parts = tuple(evolve(part, property_type=kind) for kind in split.types)
        elif dimension == "place" and part.place is None:
            parts = tuple(evolve(part, place=place) for place in split.places)
        elif dimension == "price" and split.prices:
            priced = evolve(part, operation=operation, currency=currency)
            parts = _ranges(priced, _cuts(part, wanted=_wanted(total, fits), prices=prices))
        if parts:
            return dimension, parts
    return None


def allows(part: Part, entry: ManifestEntry) -> bool | None:
    """False when the card contradicts the part: another type, or no total in the part's currency that is within its bounds though
    there are such totals; None when it cannot tell; else True. A card does not name its place, so that a place decides nothing.
    """
    answers = [_allows_type(part, entry), _allows_price(part, entry)]
    return False if False in answers else None if None in answers else True


def _allows_type(part: Part, entry: ManifestEntry) -> bool | None:
    if part.property_type is None:
        return True
    return None if entry.property_type is None else entry.property_type is part.property_type


def _allows_price(part: Part, entry: ManifestEntry) -> bool | None:
    if part.price_from is None and part.price_to is None:
        return True
    answers = [
        _is_within(part, offer.amount, offer)
        for offer in entry.offers
        if offer.amount is not None
        and (offer.operation, offer.currency, offer.unit) == (part.operation, part.currency, PriceUnit.TOTAL)
    ]
    return any(answers) if answers else None


def _is_within(part: Part, amount: Decimal, offer: Offer) -> bool:
    """A fraction between two ranges is allowed in both: a portal may round. A range of prices, where any of them is."""
    most = offer.amount_max or amount
    return (part.price_from is None or most > part.price_from - 1) and (part.price_to is None or amount < part.price_to + 1)


def _wanted(total: int, fits: int) -> int:
    return max(2, -(-100 * total // (FILLED_PERCENT * max(1, fits))))


def _bounds(part: Part) -> tuple[int, int]:
    return part.price_from or 0, HIGHEST if part.price_to is None else part.price_to


def _cuts(part: Part, *, wanted: int, prices: Sequence[Decimal]) -> list[int]:
    """Last amounts of all ranges but the highest, ascending; none when the part has one amount only."""
    low, high = _bounds(part)
    if low >= high:
        return []
    seen = sorted(amount for price in prices if low <= (amount := int(price.to_integral_value(ROUND_FLOOR))) <= high)
    cuts = {cut for cut in _quantiles(seen, wanted) if low <= cut < high}
    # The middle on a scale of magnitudes, since prices spread over several.
    return sorted(cuts) or [min(max(isqrt(max(low, 1) * high), low), high - 1)]


def _quantiles(seen: list[int], wanted: int) -> set[int]:
    """None for a sample too small. An amount that more than one range's share of the sample has gets a range of its own."""
    if len(seen) < _LEAST_SAMPLE:
        return set()
    firsts = {seen[len(seen) * number // wanted] for number in range(1, wanted)}
    crowded = {amount for amount in firsts if seen.count(amount) * wanted > len(seen) and seen.count(amount) >= _LEAST_SAMPLE}
    return {amount - 1 for amount in firsts} | crowded


def _ranges(part: Part, cuts: list[int]) -> tuple[Part, ...]:
    """Of `part`, which has operation and currency; empty without cuts."""
    if not cuts:
        return ()
    inner = (evolve(part, price_from=last + 1, price_to=cut) for last, cut in pairwise(cuts))
    return evolve(part, price_to=cuts[0]), *inner, evolve(part, price_from=cuts[-1] + 1)
