"""When an offer differs, without a database."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from propspider.items import Offer
from propspider.sync.prices import KnownOffer, changed_offers, is_worth_a_request
from tests.builders import at, offer

amounts = st.decimals("0.01", 10**9, places=2)
offers = st.builds(offer, st.one_of(st.none(), amounts), st.sampled_from(["MXN", "USD", "CHF"]))


def changes(known: Offer, new: Offer, *, minute: int = 1, newest: int | None = None) -> list[tuple[Offer | None, Offer]]:
    held = {(known.operation, known.unit): KnownOffer(known, at(0))}
    return changed_offers(held, [new], observed_at=at(minute), newest=None if newest is None else at(newest))


@settings(deadline=None, database=None)
@given(offers)
def test_an_offer_is_no_change_of_itself_and_not_worth_a_request(one: Offer) -> None:
    assert changes(one, one) == []
    assert not is_worth_a_request(one, one)


@settings(deadline=None, database=None)
@given(offers, offers)
def test_a_difference_is_a_change_both_ways(one: Offer, other: Offer) -> None:
    assert bool(changes(one, other)) == bool(changes(other, one)) == (one != other)


def test_the_first_offer_of_its_kind_is_a_change_without_an_old_value() -> None:
    rent = offer(9, operation="rent")
    assert changes(offer(100), rent) == [(None, rent)]
    assert is_worth_a_request(None, rent)


def test_an_older_look_is_no_news() -> None:
    assert changes(offer(100), offer(200), minute=-1) == []
    assert changes(offer(100), offer(200), minute=1, newest=2) == []
    assert changes(offer(100), offer(200), minute=2, newest=2) != []


def test_amounts_are_compared_and_handed_on_in_cents() -> None:
    ((_, new),) = changes(offer(100), offer("0.505", unit="square_meter"))
    assert new.amount == Decimal("0.50")
    assert changes(offer("0.50"), offer("0.505")) == []


def test_an_amount_of_too_many_digits_is_left_to_the_server() -> None:
    huge = offer("1e40")
    assert changes(offer(100), huge) == [(offer(100), huge)]


def test_both_ends_of_a_range_count() -> None:
    assert is_worth_a_request(offer(100, amount_max=200), offer(100, amount_max=210))
    assert not is_worth_a_request(offer(1000, amount_max=2000), offer(1001, amount_max=2001))
