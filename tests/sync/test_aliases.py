"""Other URLs of a listing, and listings that seem to be listed anew."""

import pytest
from sqlalchemy import Engine

from propspider.sync import aliases
from tests.builders import SITE, entry, item, listing, offer, page, rows, run

from .steps import flush_items, flush_pages
from .sweeps import DAY, suspect, sweep

OLD_URL, NEW_URL = f"{SITE}/en/home/old-words", f"{SITE}/en/home/new-words"
PLACE = {"address": "Calle Uno 5", "exact_location": True}


def known(engine: Engine) -> list[tuple[object, ...]]:
    found = rows(engine, "SELECT property_id, url, kind, other_property_id FROM url_aliases ORDER BY id")
    return [tuple(row.values()) for row in found]


def test_a_card_with_another_url_keeps_the_one_before(engine: Engine) -> None:
    flush_pages(engine, page(entry(1, source_url=OLD_URL)))
    flush_pages(engine, page(entry(1, source_url=OLD_URL), minute=5))
    assert known(engine) == []
    flush_pages(engine, page(entry(1, source_url=NEW_URL), minute=10))
    flush_pages(engine, page(entry(1, source_url=NEW_URL), minute=20))
    assert known(engine) == [(listing(1), OLD_URL, "certain", None)]


def test_an_older_card_renames_nothing(engine: Engine) -> None:
    flush_pages(engine, page(entry(1, source_url=NEW_URL), minute=10))
    flush_pages(engine, page(entry(1, source_url=OLD_URL), minute=5))
    assert known(engine) == []


def test_a_detail_page_with_another_url_keeps_the_one_before(engine: Engine) -> None:
    flush_items(engine, item(1, source_url=OLD_URL))
    flush_items(engine, item(1, source_url=NEW_URL, minute=10))
    flush_items(engine, item(1, source_url=NEW_URL, minute=20, title="Another house"))
    assert known(engine) == [(listing(1), OLD_URL, "certain", None)]


def gone_and_anew(engine: Engine, anew: dict[str, object] | None = None, price: int = 4_650_000) -> None:
    """Listing 1 was missed; 2 came after it was last seen."""
    sweep(engine, 0, sale=[1])
    flush_items(engine, item(1, minute=10, **PLACE))
    sweep(engine, DAY, sale=[2])
    flush_items(engine, item(2, offer(price), minute=DAY + 10, **(PLACE | (anew or {}))))
    sweep(engine, 2 * DAY, sale=[2])
    suspect(engine)
    # The proposals look back 90 days from now.
    run(engine, "UPDATE property_state SET status_at = app_now() WHERE status_at IS NOT NULL")
    suspect(engine)


@pytest.mark.parametrize(
    ("anew", "price"),
    [
        ({}, 4_650_000),
        ({"address": "CALLE UNO, 5"}, 4_690_000),
        ({"latitude": 20.5002}, 4_650_000),
    ],
)
def test_the_same_place_price_type_and_address_is_proposed(engine: Engine, anew: dict[str, object], price: int) -> None:
    gone_and_anew(engine, anew, price)
    assert [(one, kind, other) for one, _, kind, other in known(engine)] == [(listing(1), "proposed", listing(2))]


@pytest.mark.parametrize(
    ("anew", "price"),
    [
        ({"latitude": 20.501}, 4_650_000),
        ({}, 4_750_000),
        ({"exact_location": False}, 4_650_000),
        ({"address": "Calle Dos 5"}, 4_650_000),
        ({"address": None}, 4_650_000),
        ({"property_type": "apartment"}, 4_650_000),
    ],
    ids=["far", "price", "inexact", "address", "no address", "type"],
)
def test_anything_else_is_not(engine: Engine, anew: dict[str, object], price: int) -> None:
    gone_and_anew(engine, anew, price)
    assert known(engine) == []


def test_two_listings_that_were_there_together_are_two(engine: Engine) -> None:
    sweep(engine, 0, sale=[1, 2])
    flush_items(engine, item(1, minute=10, **PLACE), item(2, minute=10, **PLACE))
    for day in (1, 2):
        sweep(engine, day * DAY, sale=[2])
    suspect(engine)
    run(engine, "UPDATE property_state SET status_at = app_now() WHERE status_at IS NOT NULL")
    suspect(engine)
    assert known(engine) == []


def test_a_rejected_proposal_is_not_made_again(engine: Engine) -> None:
    gone_and_anew(engine)
    with engine.begin() as connection:
        (proposed,) = aliases.aliases(connection, kind="proposed")
        assert proposed.title == "A house"
        assert aliases.reject(connection, proposed.id)
        assert not aliases.reject(connection, proposed.id)
        assert not aliases.reject(connection, 12345)
    run(engine, "UPDATE properties_live SET source_url = :url WHERE property_id = :id", url=NEW_URL, id=listing(2))
    suspect(engine)
    assert len(known(engine)) == 1
    with engine.connect() as connection:
        assert [one.rejected_at is not None for one in aliases.aliases(connection, property_id=listing(2))] == [True]
