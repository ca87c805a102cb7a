import pytest

from propspider.lab.parameters import Parameters
from propspider.lab.scale import FIELD_LISTINGS, Scale
from propspider.tiers.table import TABLE


def test_the_field_is_as_large_as_it_is() -> None:
    field = Scale(FIELD_LISTINGS)
    assert (field.seconds_per_request, field.requests_per_day, field.depth_cap, field.queue_ceiling) == (2, 43_200, 100, 10_000)
    assert [field.tier(tier) for tier in TABLE] == list(TABLE)


@pytest.mark.parametrize("listings", [100, 1000, 5000, 60_000, 1_000_000])
def test_requests_per_listing_and_the_share_of_a_sweep_stay(listings: int) -> None:
    scale = Scale(listings)
    assert scale.requests_per_day / listings == pytest.approx(0.072)
    assert scale.sweep_pages / scale.requests_per_day == pytest.approx(1 / 42 / 0.072, abs=1 / scale.requests_per_day)


def test_counts_are_at_least_one_and_no_bound_stays_none() -> None:
    small = Scale(5000)
    assert [(tier.pages, tier.max_items) for tier in map(small.tier, TABLE)] == [(1, 17), (1, 83), (0, 500), (0, 500), (0, 0)]
    assert all(small.tier(tier).affords_all == tier.affords_all for tier in TABLE)
    assert (small.queue_ceiling, small.depth_cap, Scale(1).queue_ceiling) == (83, 40, 1)


def test_the_arithmetic_is_shown_beside_that_of_the_field() -> None:
    rows = {what: (field, here) for what, field, here in Scale(5000).rows(Parameters())}
    assert rows["seconds per request"] == ("2", "240")
    assert rows["requests per listing and day"] == ("0.072", "0.072")
    assert rows["daily_sync: pages, details a run"] == ("100, 10,000", "1, 83")
    assert rows["monthly_refresh: pages, details a run"] == ("none, 60,000", "none, 500")
    assert rows["arrivals a day"] == ("6,000.0", "50.0")


@pytest.mark.parametrize("listings", [0, -5, 1_000_001])
def test_a_world_has_listings(listings: int) -> None:
    with pytest.raises(ValueError, match="1 to 1,000,000"):
        Scale(listings)
