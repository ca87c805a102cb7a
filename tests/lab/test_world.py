import itertools
from datetime import timedelta

import pytest

from propspider.items import Operation, PriceKind, PriceUnit, PropertyType
from propspider.lab.world import EPOCH, Listing, World

WORLD = World.create()
NEXT_DAY = World.create(day=1)


def by_id(world: World) -> dict[str, Listing]:
    return {listing.public_id: listing for listing in world.listings}


def test_the_same_seed_and_day_give_the_same_world() -> None:
    assert World.create(day=3) == World.create(day=3)
    assert World.create(seed=8).listings != WORLD.listings


def test_a_listing_without_events_is_the_same_on_every_day() -> None:
    before, after = by_id(WORLD), by_id(World.create(day=5))
    same = [key for key in before.keys() & after.keys() if before[key] == after[key]]
    assert len(same) > 400


def test_the_default_world_has_its_documented_sizes() -> None:
    sizes = {operation: len(listings) for operation, listings in WORLD.by_operation.items()}
    twice = sum(len(listing.offers) == 2 for listing in WORLD.listings)
    assert len(WORLD.listings) == 540
    assert sizes == {
        Operation.SALE: 290,
        Operation.RENT: 176 + twice,
        Operation.FORECLOSURE: 44,
        Operation.NEW_CONSTRUCTION: 30,
    }


def test_at_least_480_listings_are_within_reach_of_ten_pages_of_24() -> None:
    reachable = {listing.public_id for listings in WORLD.by_operation.values() for listing in listings[:240]}
    assert 480 <= len(reachable) < len(WORLD.listings)


@pytest.mark.parametrize("day", [0, 1, 30, 120])
def test_only_the_sale_scope_exceeds_the_cap(day: int) -> None:
    sizes = {operation: len(listings) for operation, listings in World.create(day=day).by_operation.items()}
    assert [operation for operation, size in sizes.items() if size > 240] == [Operation.SALE]


def test_ids_and_slugs_are_unique_and_the_last_four_digits_agree() -> None:
    for value in ("public_id", "internal_id", "slug"):
        assert len({getattr(listing, value) for listing in NEXT_DAY.listings}) == len(NEXT_DAY.listings)
    assert all(listing.public_id[-4:] == listing.internal_id[-4:] for listing in NEXT_DAY.listings)
    assert all(
        listing.public_id in url and listing.internal_id in url for listing in WORLD.listings for url in listing.image_urls
    )


def test_the_first_eighteen_listings_cover_the_eighteen_types() -> None:
    assert {listing.property_type for listing in World.create(18).listings} == set(PropertyType)


def test_every_kind_of_price_occurs() -> None:
    offers = [offer for listing in WORLD.listings for offer in listing.offers]
    assert {offer.currency for offer in offers} == {"MXN", "USD", None}
    assert {offer.kind for offer in offers} == {PriceKind.EXACT, PriceKind.FROM, PriceKind.ON_REQUEST}
    assert {offer.unit for offer in offers} == set(PriceUnit)


def test_a_listing_for_sale_in_pesos_is_for_rent_in_dollars() -> None:
    pairs = [[(o.operation, o.currency) for o in listing.offers] for listing in WORLD.listings if len(listing.offers) == 2]
    assert pairs
    assert all(pair == [(Operation.SALE, "MXN"), (Operation.RENT, "USD")] for pair in pairs)


def test_listings_are_newest_first_with_distinct_times_at_minus_six_hours() -> None:
    times = [listing.published_at for listing in NEXT_DAY.listings]
    assert all(newer > older for newer, older in itertools.pairwise(times))
    assert all(time.utcoffset() == timedelta(hours=-6) for time in times)
    assert times[0] < NEXT_DAY.now == EPOCH + timedelta(days=1)


def test_a_day_brings_a_few_of_each_event() -> None:
    before, after = by_id(WORLD), by_id(NEXT_DAY)
    kept = before.keys() & after.keys()
    arrived = [listing for listing in NEXT_DAY.listings if listing.public_id not in before]
    assert len(arrived) == 5
    assert arrived == list(NEXT_DAY.listings[:5])
    assert all(listing.published_at > EPOCH for listing in arrived)
    assert len(before.keys() - after.keys()) == 5
    assert sum(before[key].offers != after[key].offers for key in kept) == 11
    assert sum(before[key].description != after[key].description for key in kept) == 5


def test_a_price_moves_by_two_to_twelve_percent_and_keeps_its_currency() -> None:
    before, after = by_id(WORLD), by_id(NEXT_DAY)
    moves = [
        (old, new)
        for key in before.keys() & after.keys()
        for old, new in zip(before[key].offers, after[key].offers, strict=True)
        if old != new
    ]
    assert len(moves) == 11
    for old, new in moves:
        assert old.amount is not None
        assert new.amount is not None
        assert 0.01 < abs(new.amount - old.amount) / old.amount < 0.13
        assert (old.operation, old.kind, old.currency, old.unit) == (new.operation, new.kind, new.currency, new.unit)


def test_a_changed_listing_keeps_its_address_on_the_site() -> None:
    before, after = by_id(WORLD), by_id(World.create(day=20))
    kept = before.keys() & after.keys()
    retitled = [key for key in kept if before[key].title != after[key].title]
    assert retitled
    assert all(before[key].slug == after[key].slug for key in kept)


def test_numbers_of_the_departed_are_never_given_again() -> None:
    gone = by_id(WORLD).keys() - by_id(NEXT_DAY).keys()
    later = by_id(World.create(day=60))
    assert not gone & later.keys()


@pytest.mark.parametrize("listings", [1, 2, 30, 1000])
def test_worlds_of_other_sizes_live_too(listings: int) -> None:
    world = World.create(listings, day=3)
    assert len(world.listings) == listings


def test_a_world_needs_a_listing_and_a_day() -> None:
    with pytest.raises(ValueError, match="at least one listing"):
        World.create(0)
    with pytest.raises(ValueError, match="day 0"):
        World.create(day=-1)
