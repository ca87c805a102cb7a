"""What a living portal's truth tells, and that it lives as its parameters say."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from propspider.items import PriceKind, PriceUnit, PropertyType
from propspider.lab import slugs
from propspider.lab.catalogue import PLACES
from propspider.lab.life import Life
from propspider.lab.listing import Listing, public_id_of
from propspider.lab.parameters import BadParameters, Parameters, of
from propspider.lab.population import PUBLIC_IDS, internal_numbers, populate
from propspider.lab.truth import Event, Fact, Kind

START = datetime(2026, 1, 15, 12, tzinfo=UTC)
DAYS = 40
BUSY = of(
    {
        "changes": {"prices": 0.05, "edits": 0.05, "bumps": 0.05, "renames": 0.02, "offer_gone": 0.05},
        "listings": {"two_offers": 0.5, "arrivals": 0.02},
        "relist": {"share": 0.4, "gap_days": [1, 10]},
        "life": {"mean_days": 50},
    }
)
"""Much happens to few."""
LIFE = Life(BUSY, listings=150, seed=3, start=START, days=DAYS)
ALL_KINDS = Counter(event.kind for event in LIFE.events(LIFE.start, LIFE.end))


def life(listings: int = 5000, seed: int = 1, days: float = 90, parameters: Parameters | None = None) -> Life:
    return Life(parameters or Parameters(), listings=listings, seed=seed, start=START, days=days)


def per_listing_day(of_life: Life, kind: Kind) -> float:
    days = (of_life.end - of_life.start) / timedelta(days=1)
    happened = np.count_nonzero(of_life.history.kind == list(Kind).index(kind))
    return happened / of_life.people.stock / days


def stock(of_life: Life, day: float) -> int:
    rows = of_life.rows(START + timedelta(days=day))
    return sum(of_life.is_shown(int(row)) for row in rows)


def replayed(facts: dict[str, Fact], events: Sequence[Event]) -> dict[str, tuple[bool, dict[str, object]]]:
    """Whether each listing is shown, and its amounts by operation, after the events; amounts of new ones are not told."""
    state = {key: (fact.is_shown, {str(o.operation): o.amount for o in fact.offers}) for key, fact in facts.items()}
    for event in events:
        shown, amounts = state.get(event.public_id, (False, {}))
        if event.kind is Kind.NEW:
            assert event.public_id not in state
            shown = True
        elif event.kind is Kind.RELISTED:
            assert not shown
            shown = True
        else:
            assert shown, event
        if event.kind is Kind.REMOVED:
            shown = False
        if event.operation is not None:
            assert amounts.get(event.operation, event.old) == event.old != event.new
            amounts = {key: value for key, value in amounts.items() if key != event.operation}
            if event.new is not None:
                amounts[event.operation] = event.new
        state[event.public_id] = (shown, amounts)
    return state


def test_everything_that_can_happen_happens_in_a_busy_world() -> None:
    assert min(ALL_KINDS[kind] for kind in Kind) >= 5, ALL_KINDS


@settings(deadline=None)
@given(st.floats(0, DAYS), st.floats(0, DAYS))
def test_what_is_told_by_event_is_what_the_facts_say(one: float, other: float) -> None:
    since, until = (START + timedelta(days=day) for day in sorted((one, other)))
    before, after = dict(LIFE.facts(since)), dict(LIFE.facts(until))
    events = LIFE.events(since, until)
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert all(since <= event.at < until for event in events)
    state = replayed(before, events)
    assert {key: shown for key, (shown, _) in state.items()} == {key: fact.is_shown for key, fact in after.items()}
    kinds = {key: {event.kind for event in events if event.public_id == key} for key in after}
    for key, fact in before.items():
        then, amounts = after[key], {str(offer.operation): offer.amount for offer in after[key].offers}
        assert state[key][1] == amounts
        assert (then.slug != fact.slug) == (Kind.RENAMED in kinds[key])
        assert ((then.title, then.description) != (fact.title, fact.description)) == (Kind.EDITED in kinds[key])
        assert (then.home, then.published_at) == (fact.home, fact.published_at)
        if not kinds[key] & {Kind.REPRICED, Kind.OFFER_GONE}:
            assert then.offers == fact.offers


def test_what_happens_at_a_moment_shows_after_it() -> None:
    event = next(event for event in LIFE.events(LIFE.start, LIFE.end) if event.kind is Kind.REMOVED)
    assert event in LIFE.events(event.at, event.at + timedelta(seconds=1))
    assert event not in LIFE.events(LIFE.start, event.at)
    assert LIFE.facts(event.at)[event.public_id].is_shown
    assert not LIFE.facts(event.at + timedelta(seconds=1))[event.public_id].is_shown


def test_a_listing_that_is_yet_to_come_is_unknown() -> None:
    event = next(event for event in LIFE.events(START + timedelta(days=1), LIFE.end) if event.kind is Kind.NEW)
    before, after = LIFE.facts(event.at), LIFE.facts(event.at + timedelta(seconds=1))
    assert event.public_id not in before
    assert len(after) == len(before) + 1 == len(list(after))
    assert "EB-ZZ0000" not in after
    assert "nonsense" not in after


def test_a_price_moves_by_a_step_that_shows_and_never_below_nothing() -> None:
    changes = [event for event in LIFE.events(LIFE.start, LIFE.end) if event.kind is Kind.REPRICED]
    moves = [float(event.new / event.old) for event in changes if event.old and event.new]
    assert len(moves) == len(changes)
    assert all(0.87 <= move <= 1.07 and move != 1 for move in moves)


def test_the_same_seed_is_the_same_life_and_another_is_another() -> None:
    again = Life(BUSY, listings=150, seed=3, start=START, days=DAYS)
    assert list(again.events(START, again.end)) == list(LIFE.events(START, LIFE.end))
    assert dict(again.facts(again.end)) == dict(LIFE.facts(LIFE.end))
    other = Life(BUSY, listings=150, seed=4, start=START, days=DAYS)
    assert list(other.events(START, other.end)) != list(LIFE.events(START, LIFE.end))


def test_a_longer_run_begins_with_the_same_stock() -> None:
    longer = Life(BUSY, listings=150, seed=3, start=START, days=DAYS + 20)
    assert {fact.published_at for fact in longer.facts(START).values()} == {
        fact.published_at for fact in LIFE.facts(START).values()
    }


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_stock_stays_as_large_and_as_old_as_it_is(seed: int) -> None:
    found = life(seed=seed)
    sizes = [stock(found, day) for day in (0.001, 30, 60, 89.9)]
    assert sizes == pytest.approx([5000] * 4, rel=0.06)

    def ages(day: float) -> list[float]:
        at = START + timedelta(days=day)
        rows = [int(row) for row in found.rows(at) if found.is_shown(int(row))]
        return [found.seconds(at) / 86_400 - found.people.born[found.history.listing[row]] / 86_400 for row in rows]

    assert np.median(ages(89.9)) == pytest.approx(np.median(ages(0)), rel=0.12)


def test_rates_are_those_asked_for() -> None:
    found = life(listings=30_000, days=60)
    expected = {
        Kind.NEW: 0.01,
        Kind.REMOVED: 0.0104,
        Kind.REPRICED: 0.005,
        Kind.EDITED: 0.02,
        Kind.BUMPED: 0.005,
        Kind.RENAMED: 0.0005,
    }
    assert {kind: per_listing_day(found, kind) for kind in expected} == pytest.approx(expected, rel=0.08)
    removed, relisted = (per_listing_day(found, kind) for kind in (Kind.REMOVED, Kind.RELISTED))
    assert relisted / removed == pytest.approx(0.04, abs=0.015)
    history = found.history
    repriced, edited = (history.kind == list(Kind).index(kind) for kind in (Kind.REPRICED, Kind.EDITED))
    moments = history.listing.astype(np.int64) << 32 | np.maximum(history.at, 0)
    assert np.isin(moments[repriced], moments[edited]).mean() == pytest.approx(0.3, abs=0.03)


def test_lives_have_the_mean_asked_for_and_some_expire() -> None:
    people = populate(Parameters(), listings=100, seed=5, days=20_000)
    coming = people.life[people.stock :]
    assert coming.mean() == pytest.approx(100, rel=0.05)
    assert np.mean(coming < 10) > 0.08, "a shape below 1 has many short lives"
    expiring = people.agencies.expires[people.agency[people.stock :]]
    assert coming[expiring].max() == 180
    assert (coming[~expiring] > 180).any()
    cheap, dear = (coming[people.band[people.stock :] == band].mean() for band in (0, 2))
    assert dear > 1.2 * cheap


def top_tenth(parameters: Parameters) -> float:
    """The share of all changes that the most changing tenth makes, of those shown throughout."""
    found = life(parameters=parameters)
    steady = (found.people.age[:5000] > 30) & (found.people.life[:5000] - found.people.age[:5000] > 90)
    changes = np.isin(found.history.kind, [list(Kind).index(kind) for kind in (Kind.REPRICED, Kind.EDITED)])
    counts = np.sort(np.bincount(found.history.listing[changes], minlength=len(found.people))[:5000][steady])[::-1]
    return float(counts[: len(counts) // 10].sum() / counts.sum())


def test_few_listings_make_most_of_the_changes() -> None:
    alike = of({"changes": {"skew": 100, "bands": [1, 1, 1]}, "agencies": {"spread": 0}})
    assert top_tenth(Parameters()) >= 0.4
    assert top_tenth(alike) <= 0.3


def test_back_dated_ones_come_with_an_old_date() -> None:
    found = life(days=30)
    late = found.people.born[5000:] - found.people.published[5000:]
    assert np.mean(late > 0) == pytest.approx(0.05, abs=0.02)
    assert late[late > 0].min() >= 5 * 86_400


def test_listings_are_of_every_kind() -> None:
    listings = [LIFE.listing(int(row)) for row in LIFE.rows(LIFE.end)]
    offers = [offer for listing in listings for offer in listing.offers]
    assert {listing.property_type for listing in listings} == set(PropertyType) & {one.property_type for one in listings}
    assert len({listing.property_type for listing in listings}) == 18
    assert {offer.currency for offer in offers} == {"MXN", "USD", None}
    assert {offer.unit for offer in offers} == set(PriceUnit)
    assert {offer.kind for offer in offers} == {PriceKind.EXACT, PriceKind.FROM, PriceKind.ON_REQUEST}
    assert {listing.exact_location for listing in listings} == {True, False}
    assert len({listing.slug for listing in listings}) == len(listings)


def test_copies_are_one_home_of_several_agencies() -> None:
    found = life(listings=1000, days=10)
    listings = {int(row): found.listing(int(row)) for row in found.rows(START)}
    homes: dict[int, list[Listing]] = {}
    for row, listing in listings.items():
        homes.setdefault(found.fact(row).home, []).append(listing)
    shared = [home for home in homes.values() if len(home) > 1]
    assert 0.03 <= sum(len(home) - 1 for home in shared) / 1000 <= 0.09
    for home in shared:
        assert len({listing.agency_name for listing in home}) > 1
        for name in ("property_type", "place", "neighborhood", "latitude", "longitude", "bedrooms", "bathrooms", "built_m2"):
            assert len({getattr(listing, name) for listing in home}) == 1, name
        assert len({listing.public_id for listing in home}) == len({listing.image_urls for listing in home}) == len(home)


def test_ids_are_unique_and_lead_back_to_their_numbers() -> None:
    internal, _ = internal_numbers(1_300_000, seed=1)
    assert len(np.unique(internal % PUBLIC_IDS)) == 1_300_000
    assert (np.diff(internal) > 0).all()
    spread, _ = internal_numbers(120_000, seed=1)
    assert len({public_id_of(int(one)) for one in spread}) == 120_000
    numbers = range(len(LIFE.people))
    assert [LIFE.number_of(LIFE.public_id(number)) for number in numbers] == list(numbers)


@settings(deadline=None)
@given(st.integers(0, 6_759_999), st.integers(0, 50), st.sampled_from(PLACES))
def test_an_address_leads_back_to_its_number(number: int, renames: int, place: object) -> None:
    head = slugs.words(PropertyType.HOUSE, next(iter(LIFE.listing(0).operations)), place, place.neighborhoods[0])  # type: ignore[attr-defined]
    slug = slugs.slug(head, number, renames)
    assert slugs.number_of(slug) == number
    assert slug != slugs.slug(head, number, renames + 1)


@pytest.mark.parametrize("text", ["", "casa", "casa-", "casa-007", "casa-1234567890", "casa-12x", "7"])
def test_other_addresses_lead_nowhere(text: str) -> None:
    assert slugs.number_of(text) is None


@pytest.mark.parametrize("wrong", [{"listings": 0}, {"listings": 1_000_001}, {"seed": -1}, {"days": 0}])
def test_a_life_without_listings_days_or_seed_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="a living world has"):
        Life(BUSY, **{"listings": 10, "seed": 1, "days": 1} | wrong, start=START)


def test_lives_that_cannot_be_as_long_as_asked_are_refused() -> None:
    wrong = of({"agencies": {"expiring": 1, "expiry_days": 90}})
    with pytest.raises(BadParameters, match=r"life\.mean_days: lives of 100 days are too long for agencies\.expiry_days"):
        life(parameters=wrong, listings=100)


def test_a_small_world_and_one_in_which_nothing_happens_are_worlds() -> None:
    still = of(
        {
            "listings": {"arrivals": 0},
            "changes": {"prices": 0, "edits": 0, "bumps": 0, "renames": 0, "offer_gone": 0},
            "life": {"mean_days": 3650},
            "agencies": {"expiring": 0},
            "relist": {"share": 0},
        }
    )
    found = life(listings=1, days=0.001, parameters=still)
    assert [event.kind for event in found.events(START, found.end)] == []
    assert attrs.asdict(found.facts(START)[found.public_id(0)])["is_shown"] is True
