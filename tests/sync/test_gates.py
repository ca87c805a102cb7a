"""What a page's prices may do to live: nothing that looks like the page's fault rather than the market's."""

from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from propspider.items import Offer, Operation
from propspider.sync import review
from propspider.sync.prices import Action, Hold, KnownOffer, decide, page_gate, row_gate, stated
from tests.builders import at, entry, item, listing, offer, one, page, rows, scalar
from tests.sync.steps import claim, flush_items, flush_pages

money = st.decimals(min_value=1, max_value=10**9, places=2)


@given(old=money, new=money)
def test_the_row_gate_holds_exactly_the_moves_of_more_than_half(old: Decimal, new: Decimal) -> None:
    held = row_gate(offer(old), offer(new))
    assert (held is Hold.PRICE_MOVE) == (abs(new - old) > old / 2)


def test_the_row_gate_holds_every_currency_change() -> None:
    assert row_gate(offer(100, "USD"), offer(101, "MXN")) is Hold.CURRENCY


def test_a_price_that_goes_on_request_or_comes_back_is_no_matter_for_the_gate() -> None:
    assert row_gate(offer(100), offer(None)) is None
    assert row_gate(offer(None), offer(100)) is None


@pytest.mark.parametrize(
    ("known", "held", "trips"), [(2, 2, False), (3, 3, True), (15, 3, False), (14, 3, True), (42, 9, True), (42, 8, False)]
)
def test_the_page_gate_needs_three_and_more_than_a_fifth(known: int, held: int, trips: bool) -> None:
    assert page_gate(known_entries=known, held_entries=held) is trips


@given(
    known=money, amounts=st.lists(money, min_size=1, max_size=6), minutes=st.lists(st.integers(0, 100), min_size=6, max_size=6)
)
def test_an_older_look_decides_nothing(known: Decimal, amounts: list[Decimal], minutes: list[int]) -> None:
    held = {(Operation.SALE, offer(known).unit): KnownOffer(offer(known), at(200))}
    for amount, minute in zip(amounts, minutes, strict=False):
        assert decide(held, stated([offer(amount)], at(minute)), newest=at(200), source="manifest") == []


def live(engine: Engine, number: int = 1) -> dict[str, object]:
    return one(engine, "SELECT price, currency, operation_type FROM properties_live WHERE property_id = :id", id=listing(number))


def known(engine: Engine, *offers: Offer, number: int = 1) -> None:
    flush_pages(engine, page(entry(number, *offers)))
    (row,) = claim(engine)
    flush_items(engine, item(number, *offers, minute=1, claim=row.claim))


def test_a_large_move_on_a_listing_page_is_held_and_its_page_asked_for(engine: Engine) -> None:
    known(engine, offer(1_000_000))
    counts = flush_pages(engine, page(entry(1, offer(100_000)), minute=10))
    assert (counts.held, counts.price_changes, counts.queued) == (1, 0, 1)
    assert live(engine)["price"] == 1_000_000
    held = one(engine, "SELECT held_amount, held_reason, amount FROM property_offers")
    assert held == {"held_amount": 100_000, "held_reason": "price_move", "amount": 1_000_000}


def test_a_large_move_on_a_detail_page_is_held_and_the_rest_of_the_page_is_stored(engine: Engine) -> None:
    known(engine, offer(1_000_000))
    counts = flush_items(engine, item(1, offer(10_000_000), minute=10, title="New title"))
    assert (counts.held, counts.updated) == (1, 1)
    assert live(engine)["price"] == 1_000_000
    assert scalar(engine, "SELECT title FROM properties_live") == "New title"


def test_what_is_held_goes_when_the_known_value_is_seen_again(engine: Engine) -> None:
    known(engine, offer(1_000_000))
    flush_pages(engine, page(entry(1, offer(100)), minute=10))
    flush_pages(engine, page(entry(1, offer(1_000_000)), minute=20))
    assert scalar(engine, "SELECT held_reason FROM property_offers") is None


def test_a_detail_page_as_before_takes_back_what_is_held_although_its_hash_is_known(engine: Engine) -> None:
    known(engine, offer(1_000_000))
    flush_pages(engine, page(entry(1, offer(100)), minute=10))
    flush_items(engine, item(1, offer(1_000_000), minute=20))
    assert scalar(engine, "SELECT held_reason FROM property_offers") is None


def test_accepting_writes_what_was_held_with_its_own_time(engine: Engine) -> None:
    known(engine, offer(1_000_000))
    flush_pages(engine, page(entry(1, offer(100_000)), minute=10))
    with engine.begin() as connection:
        (value,) = review.held_values(connection)
        assert (value.known.amount, value.held.amount, value.move) == (1_000_000, 100_000, Decimal("-0.9"))
        assert review.accept(connection, [listing(1)]) == [listing(1)]
        assert review.held_values(connection) == []
    assert live(engine)["price"] == 100_000
    change = one(
        engine, "SELECT old_value, new_value, observed_at, change_reason FROM property_changes WHERE field_name = 'price'"
    )
    assert change == {"old_value": 1_000_000, "new_value": 100_000, "observed_at": at(10), "change_reason": review.ACCEPT_REASON}


def test_rejecting_keeps_the_known_value_and_ignores_the_same_one_but_not_another(engine: Engine) -> None:
    known(engine, offer(1_000_000))
    flush_pages(engine, page(entry(1, offer(100_000)), minute=10))
    with engine.begin() as connection:
        assert review.reject(connection, [listing(1)]) == [listing(1)]
    assert flush_pages(engine, page(entry(1, offer(100_000)), minute=20)).held == 0
    with engine.begin() as connection:
        assert review.held_values(connection) == []
    assert flush_pages(engine, page(entry(1, offer(90_000)), minute=30)).held == 1
    with engine.begin() as connection:
        assert len(review.held_values(connection)) == 1
    assert live(engine)["price"] == 1_000_000


def test_a_page_whose_prices_all_jump_writes_none_of_them(engine: Engine) -> None:
    entries = [entry(number, offer(1_000_000 + number)) for number in range(1, 11)]
    flush_pages(engine, page(*entries))
    flush_items(engine, *[item(number, offer(1_000_000 + number), minute=1) for number in range(1, 11)])
    glitch = [entry(number, offer(1_000 if number <= 4 else 1_100_000)) for number in range(1, 11)]
    counts = flush_pages(engine, page(*glitch, minute=10))
    assert (counts.held, counts.price_changes, counts.errors) == (0, 0, 1)
    assert scalar(engine, "SELECT count(*) FROM property_offers WHERE amount < 1000000 OR held_reason IS NOT NULL") == 0
    assert one(engine, "SELECT error_type, page FROM scraping_errors") == {"error_type": "page_gate", "page": 1}
    assert scalar(engine, "SELECT pages_failed FROM sweeps ORDER BY id DESC LIMIT 1") == 0


def test_a_new_listing_of_a_gated_page_has_no_price_until_a_page_passes_the_gate(engine: Engine) -> None:
    flush_pages(engine, page(*[entry(number, offer(1_000_000)) for number in range(1, 11)]))
    flipped = [entry(number, offer(1_000_000, "USD")) for number in range(1, 12)]
    assert flush_pages(engine, page(*flipped, minute=10)).errors == 1
    flush_items(engine, item(11, offer(1_000_000, "USD"), minute=11), item(12, offer(7, "USD"), minute=11))
    prices = "SELECT property_id, price, currency FROM properties_live ORDER BY property_id"
    assert [tuple(row.values()) for row in rows(engine, prices)] == [(listing(11), None, None), (listing(12), 7, "USD")]
    flush_pages(engine, page(*[entry(number, offer(1_000_000)) for number in range(1, 12)], minute=20))
    assert [row["currency"] for row in rows(engine, prices)] == ["MXN", "USD"]
    flush_items(engine, item(11, offer(1_100_000), minute=30))
    assert rows(engine, prices)[0]["price"] == 1_100_000


def test_two_listings_of_a_page_may_really_halve_their_price(engine: Engine) -> None:
    flush_pages(engine, page(*[entry(number, offer(1_000_000)) for number in range(1, 11)]))
    changed = [entry(number, offer(1_000 if number <= 2 else 1_100_000)) for number in range(1, 11)]
    counts = flush_pages(engine, page(*changed, minute=10))
    assert (counts.held, counts.price_changes, counts.errors) == (2, 8, 0)


def both() -> tuple[Offer, Offer]:
    return offer(5_000_000), offer(1_200, "USD", "rent")


def withdrawn(engine: Engine) -> list[str]:
    return [row["operation"] for row in rows(engine, "SELECT operation FROM property_offers WHERE is_withdrawn")]


def test_one_of_two_offers_is_gone_when_a_detail_page_and_a_later_card_lack_it(engine: Engine) -> None:
    known(engine, *both())
    flush_items(engine, item(1, both()[1], minute=10))
    assert withdrawn(engine) == []
    assert live(engine)["operation_type"] == "sale"
    flush_pages(engine, page(entry(1, both()[1]), minute=20))
    assert withdrawn(engine) == ["sale"]
    assert live(engine) == {"price": 1_200, "currency": "USD", "operation_type": "rent"}
    assert len(scalar(engine, "SELECT offers FROM properties_live")) == 1


def test_a_second_detail_page_a_day_later_is_enough(engine: Engine) -> None:
    known(engine, *both())
    for minute in (10, 60, 10 + 24 * 60):
        flush_items(engine, item(1, both()[0], minute=minute))
        assert withdrawn(engine) == (["rent"] if minute > 24 * 60 else [])


def test_cards_alone_never_take_an_offer_away(engine: Engine) -> None:
    """A scope may show only its own operation."""
    known(engine, *both())
    for day in range(1, 5):
        flush_pages(engine, page(entry(1, both()[0]), minute=day * 24 * 60))
    assert withdrawn(engine) == []


def test_an_offer_that_comes_back_is_part_of_live_again(engine: Engine) -> None:
    known(engine, *both())
    flush_items(engine, item(1, both()[1], minute=10))
    flush_pages(engine, page(entry(1, both()[1]), minute=20))
    flush_pages(engine, page(entry(1, *both()), minute=30))
    assert withdrawn(engine) == []
    assert len(scalar(engine, "SELECT offers FROM properties_live")) == 2
    assert live(engine)["operation_type"] == "rent", "the primary offer sticks"


def test_a_page_without_any_offer_misses_none(engine: Engine) -> None:
    known(engine, *both())
    flush_items(engine, item(1, minute=10, offers=None))
    assert scalar(engine, "SELECT count(*) FROM property_offers WHERE missing_since IS NOT NULL") == 0


def test_a_missing_offer_is_missed_from_one_moment_on(engine: Engine) -> None:
    known(engine, *both())
    for minute in (10, 20):
        flush_items(engine, item(1, both()[0], minute=minute))
    missing: datetime = scalar(engine, "SELECT missing_since FROM property_offers WHERE operation = 'rent'")
    assert missing == at(10)


def test_a_rejected_value_decides_hold_only_for_another(engine: Engine) -> None:
    facts = KnownOffer(offer(1_000_000), at(0), held=offer(100))
    key = (Operation.SALE, offer(1).unit)
    assert decide({key: facts}, stated([offer(100)], at(5)), newest=at(0), source="detail") == []
    (decision,) = decide({key: facts}, stated([offer(50)], at(5)), newest=at(0), source="detail")
    assert decision.action is Action.HOLD
