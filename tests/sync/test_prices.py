"""What a page's offers mean for the known ones, without a database."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from propspider.items import Offer
from propspider.sync.prices import Action, Decision, KnownOffer, decide, is_worth_a_request, stated
from tests.builders import at, offer

amounts = st.decimals("0.01", 10**9, places=2)
offers = st.builds(offer, st.one_of(st.none(), amounts), st.sampled_from(["MXN", "USD", "CHF"]))


def decisions(known: Offer, new: Offer, *, minute: int = 1, newest: int | None = None) -> list[Decision]:
    held = {(known.operation, known.unit): KnownOffer(known, at(0))}
    looked = None if newest is None else at(newest)
    return decide(held, stated([new], at(minute)), newest=looked, source="manifest")


def worth(old: Offer | None, new: Offer) -> bool:
    return is_worth_a_request(Decision(Action.WRITE, old, new, at(0)))


@settings(deadline=None, database=None)
@given(offers)
def test_an_offer_is_no_change_of_itself_and_not_worth_a_request(one: Offer) -> None:
    assert decisions(one, one) == []
    assert not worth(one, one)


@settings(deadline=None, database=None)
@given(offers, offers)
def test_a_difference_is_a_change_both_ways(one: Offer, other: Offer) -> None:
    assert bool(decisions(one, other)) == bool(decisions(other, one)) == (one != other)


def test_the_first_offer_of_its_kind_is_a_change_without_an_old_value() -> None:
    rent = offer(9, operation="rent")
    assert decisions(offer(100), rent) == [Decision(Action.WRITE, None, rent, at(1))]
    assert worth(None, rent)


def test_an_older_look_is_no_news() -> None:
    assert decisions(offer(100), offer(120), minute=-1) == []
    assert decisions(offer(100), offer(120), minute=1, newest=2) == []
    assert decisions(offer(100), offer(120), minute=2, newest=2) != []


def test_amounts_are_in_cents_from_the_start() -> None:
    assert offer("0.505").amount == Decimal("0.50")
    assert decisions(offer("0.50"), offer("0.505")) == []


def test_an_amount_of_too_many_digits_is_left_to_the_server() -> None:
    assert offer("1e40").amount == Decimal("1e40")


def test_both_ends_of_a_range_count() -> None:
    assert worth(offer(100, amount_max=200), offer(100, amount_max=210))
    assert not worth(offer(1000, amount_max=2000), offer(1001, amount_max=2001))


def test_each_offer_of_a_batch_has_its_own_time() -> None:
    """Two cards of one listing: the later one states the rent only, the earlier one an older word on the sale."""
    sale, rent = offer(120), offer(9, operation="rent")
    known = {(sale.operation, sale.unit): KnownOffer(offer(100), at(5))}
    cards = stated([sale], at(3)) | stated([rent], at(8))
    assert decide(known, cards, newest=at(4), source="manifest") == [Decision(Action.WRITE, None, rent, at(8))]
