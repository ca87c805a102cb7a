"""What listings are compared by, what is found between them, and the groups that follow, on real rows."""

import random
from typing import Any

import pytest
from sqlalchemy import Engine

from propspider.db.models.views import VIEWS
from propspider.quality.duplicates import AUTOMATIC
from propspider.quality.duplicates.explain import compare_two, explain, groups
from propspider.quality.duplicates.grouping import pair_of
from propspider.quality.duplicates.pairs import Comparison, compare
from propspider.quality.duplicates.queue import waiting
from propspider.quality.duplicates.refresh import rebuild
from propspider.quality.duplicates.score import measure, pairs_within
from tests.builders import one, rows, run

from .listings import arrive, day, grouped, house, look, offer, put, state, world

A, B, C = "pincali:EB-AA0001", "pincali:EB-AA0002", "pincali:EB-AA0003"
ELSEWHERE = "otro:EB-AA0001"


def compared(engine: Engine, first: dict[str, Any], second: dict[str, Any]) -> Comparison:
    arrive(engine, first, second)
    with engine.connect() as connection:
        found = compare_two(connection, first["property_id"], second["property_id"])
    assert found is not None
    return found


# --- what they are compared by ---


@pytest.mark.parametrize(
    ("address", "street", "number", "unit", "neighborhood"),
    [
        ("Av. Juárez 120, Col. Centro, Puebla", "juarez", "120", None, "centro"),
        ("AVENIDA JUÁREZ #120 Int. 4-B, Colonia Centro", "juarez", "120", "4-b", "centro"),
        ("Calle 5 de Mayo 17 Depto 302, Fracc. Los Álamos", "5 de mayo", "17", "302", "los alamos"),
        ("Priv. Reforma, Residencial La Cima, Puebla", "reforma", None, None, "la cima"),
        ("Col. Centro, Puebla", None, None, None, "centro"),
        ("Col. 20 de Noviembre, Puebla", None, None, None, "20 de noviembre"),
        ("Lomas de Angelópolis, Puebla", None, None, None, "lomas de angelopolis"),
        ("C. Mina 12-B, Barrio San Juan", "mina", "12-b", None, "san juan"),
        ("Interlomas 7, Centro", "interlomas", "7", None, "centro"),
        ("", None, None, None, None),
        (None, None, None, None, None),
    ],
)
def test_an_address_is_read(
    engine: Engine, address: str | None, street: str | None, number: str | None, unit: str | None, neighborhood: str | None
) -> None:
    arrive(engine, house(A, address=address))
    row = one(engine, "SELECT street, house_number, unit, neighborhood FROM duplicate_features")
    assert tuple(row.values()) == (street, number, unit, neighborhood)


def test_what_the_portal_states_apart_goes_before_what_the_address_says(engine: Engine) -> None:
    arrive(engine, house(A, street="Calle Mina 3", unit="9", neighborhood="Fracc. Roma"))
    row = one(engine, "SELECT street, house_number, unit, neighborhood FROM duplicate_features")
    assert tuple(row.values()) == ("mina", "3", "9", "roma")


def test_offers_are_markets_and_totals(engine: Engine) -> None:
    arrive(
        engine,
        house(A, 2_000_000, offer(9_000, "rent")),
        house(B, None, offer(100, "sale", "USD", "square_meter"), total_area_m2=200),
        house(C, None, offer(None)),
    )
    found = rows(
        engine,
        "SELECT markets, round(exp(sale)) AS sale, sale_currency, round(exp(rent)) AS rent"
        " FROM duplicate_features ORDER BY property_id",
    )
    assert [tuple(row.values()) for row in found] == [
        (3, 2_000_000, "MXN", 9_000),
        (1, 20_000, "USD", None),
        (1, None, None, None),
    ]


# --- what is found ---


@pytest.mark.parametrize(
    ("first", "second", "vetoes"),
    [
        ({}, {"price": None, "offers": (offer(9_000, "rent"),)}, ("operation",)),
        ({}, {"property_type": "apartment"}, ("type",)),
        ({}, {"bedrooms": 5}, ("rooms",)),
        ({}, {"bathrooms": 4}, ("rooms",)),
        ({"unit": "1"}, {"unit": "2"}, ("unit",)),
        ({"agency_name": "Inmo"}, {"agency_name": "INMO"}, ("agency",)),
        ({"bedrooms": None}, {"bedrooms": 5}, ()),
        ({"property_type": "house"}, {"property_type": "condominium_house"}, ()),
        ({"unit": "1"}, {"unit": None}, ()),
    ],
)
def test_a_contradiction_is_a_veto_and_nothing_is_grouped(
    engine: Engine, first: dict[str, Any], second: dict[str, Any], vetoes: tuple[str, ...]
) -> None:
    price, offers = second.pop("price", 2_500_000), second.pop("offers", ())
    found = compared(engine, house(A, **first), house(B, price, *offers, **second))
    assert found.vetoes == vetoes
    assert (grouped(engine) == {}) == bool(vetoes)


def test_one_agency_lists_a_property_once_a_portal_at_a_time(engine: Engine) -> None:
    arrive(engine, house(A, agency_name="Inmo"), house("otro:1", agency_name="Inmo"))
    assert [*grouped(engine).values()] == [sorted((A, "otro:1"))]
    put(engine, house(A, agency_name="Inmo", listing_status="confirmed_removed"))
    run(
        engine, "INSERT INTO property_state (property_id, portal, observed_at) VALUES (:id, 'pincali', :gone)", id=A, gone=day(20)
    )
    arrive(engine, house(B, agency_name="Inmo", seen=30))
    assert [*grouped(engine).values()] == [sorted((A, B, "otro:1"))]
    arrive(engine, house(C, agency_name="Inmo", seen=10))
    assert C not in next(iter(grouped(engine).values()))


def test_reasons_add_up_to_the_score(engine: Engine) -> None:
    found = compared(engine, house(A), house(B, 2_520_000, address="Avenida Juarez, Centro, Puebla"))
    assert found.reasons["price"] == ("within 1 %", 2)
    assert found.reasons["area"] == ("equal", 3.5)
    assert found.reasons["address"] == ("same street", 3)
    assert sum(bits for _, bits in found.reasons.values()) == found.score >= AUTOMATIC


@pytest.mark.parametrize(
    ("facts", "feature", "finding"),
    [
        ({"price": 9_000_000}, "price", "differs"),
        ({"price": None}, "price", "unknown"),
        ({"total_area_m2": 400}, "area", "differs"),
        ({"address": "Av. Hidalgo 7, Col. Roma"}, "address", "another street, the same spot"),
        ({"address": "Av. Juárez 122, Col. Centro"}, "address", "another number in the street"),
        ({"latitude": 19.1}, "distance", "beyond 800 m"),
    ],
)
def test_what_speaks_against_keeps_them_apart(engine: Engine, facts: dict[str, Any], feature: str, finding: str) -> None:
    found = compared(engine, house(A), house(B, **facts))
    assert found.reasons[feature][0] == finding
    assert found.reasons[feature][1] < 0
    assert found.score < AUTOMATIC or finding == "unknown"


def test_another_price_after_the_listing_went_is_no_contradiction(engine: Engine) -> None:
    gone = house(A, 2_500_000, listing_status="confirmed_removed")
    put(engine, gone)
    run(
        engine, "INSERT INTO property_state (property_id, portal, observed_at) VALUES (:id, 'pincali', :gone)", id=A, gone=day(20)
    )
    found = compared(engine, gone, house(B, 2_000_000, seen=25))
    assert found.reasons["price"][0] == "another price at another time"
    with engine.connect() as connection:
        told = explain(connection, B)
    assert told is not None
    assert (told.group_id, [member.property_id for member in told.members]) == (A, [A, B])
    (chain,) = told.chains
    assert chain.property_ids == [A, B]
    assert (chain.first_seen_at, chain.gone_at) == (day(0), None)


def test_the_same_reference_on_two_portals_is_one_listing_whatever_else_they_say(engine: Engine) -> None:
    arrive(engine, house(A, bedrooms=1), house(ELSEWHERE, None, offer(1, "rent"), bedrooms=5, city="Tijuana", latitude=32.5))
    assert [*grouped(engine).values()] == [sorted((A, ELSEWHERE))]


def test_a_crowded_key_says_nothing(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("propspider.quality.duplicates.pairs.CROWD", 2)
    arrive(engine, *(house(f"pincali:{number}") for number in range(3)))
    assert grouped(engine) == {}


# --- groups ---


def test_a_chain_whose_ends_contradict_each_other_is_no_group_of_three(engine: Engine) -> None:
    arrive(engine, house(A, bedrooms=2), house(B, bedrooms=3), house(C, 2_500_100, bedrooms=4))
    (members,) = grouped(engine).values()
    assert len(members) == 2
    assert B in members


def test_a_group_is_named_by_the_listing_first_seen(engine: Engine) -> None:
    arrive(engine, house(A, seen=9), house(B, seen=3))
    assert grouped(engine) == {B: [A, B]}
    arrive(engine, house(C, seen=12))
    assert grouped(engine) == {B: [A, B, C]}


def test_a_listing_leaves_when_it_changes_and_what_it_leaves_alone_is_no_group(engine: Engine) -> None:
    arrive(engine, house(A), house(B))
    moved = arrive(engine, house(B, 5_000_000, total_area_m2=300))
    assert (moved.groups.left, grouped(engine)) == ((A, B), {})
    assert one(engine, "SELECT count(*) AS groups FROM property_groups")["groups"] == 0
    assert arrive(engine, house(B)).groups.joined == (A, B)


def test_what_is_the_same_is_not_looked_for_again(engine: Engine) -> None:
    arrive(engine, house(A), house(B))
    before = state(engine)
    assert arrive(engine, house(A), house(B)).changed == 0
    assert state(engine) == before


def test_a_listing_that_live_lost_leaves_with_the_next_rebuild(engine: Engine) -> None:
    arrive(engine, house(A), house(B), house(C))
    run(engine, "DELETE FROM properties_live WHERE property_id = :id", id=A)
    rebuild(engine)
    assert grouped(engine) == {B: [B, C]}
    assert one(engine, "SELECT count(*) AS rows FROM duplicate_features")["rows"] == 2


@pytest.mark.parametrize("seed", range(3))
def test_batches_in_any_order_end_where_a_rebuild_ends(engine: Engine, seed: int) -> None:
    listings, _ = world(seed, 60)
    dice = random.Random(seed)  # noqa: S311
    for start in range(0, len(listings), 25):
        arrive(engine, *listings[start : start + 25])
    changed = dice.sample(listings, 20)
    for listing in changed:
        listing["total_area_m2"] = dice.randint(50, 400)
    arrive(engine, *changed)
    by_batches = state(engine)
    rebuild(engine)
    assert state(engine) == by_batches
    run(engine, "TRUNCATE duplicate_features, duplicate_blocks, duplicate_edges, property_groups CASCADE")
    rebuild(engine)
    assert state(engine) == by_batches


def test_no_group_holds_a_pair_with_a_veto_and_few_are_wrong(engine: Engine) -> None:
    listings, truth = world(7, 600)
    arrive(engine, *listings)
    found = pairs_within(grouped(engine).values())
    with engine.connect() as connection:
        assert [pair for pair in compare(connection, sorted(found)) if pair.vetoes] == []
        queue = {pair_of(pair.first, pair.second) for pair in waiting(connection)}
    scored = measure(found, truth, 0)
    assert scored.precision is not None
    assert scored.recall is not None
    assert scored.precision > 0.98
    assert scored.recall > 0.65
    assert queue.isdisjoint(found)


def test_two_listings_that_are_gone_long_before_the_next_are_another_chain(engine: Engine) -> None:
    put(engine, house(A, listing_status="confirmed_removed"))
    run(
        engine, "INSERT INTO property_state (property_id, portal, observed_at) VALUES (:id, 'pincali', :gone)", id=A, gone=day(20)
    )
    arrive(engine, house(A, listing_status="confirmed_removed"), house(B, seen=200))
    with engine.connect() as connection:
        told = explain(connection, A)
        (line,) = groups(connection)
    assert told is not None
    assert [(chain.property_ids, chain.days_on_market) for chain in told.chains][1] == ([A], 20)
    assert told.chains[0].first_seen_at == day(200)
    assert (line.listings, line.shown) == (2, 1)
    assert "relist_chains" in VIEWS


def test_a_listing_without_family_or_offers_is_looked_for_by_nothing(engine: Engine) -> None:
    arrive(engine, house("pincali:1", None, property_type=None, title="Casa"), house("pincali:2", property_type=None))
    assert one(engine, "SELECT count(*) AS rows FROM duplicate_blocks")["rows"] == 0
    assert look(engine, ["pincali:1", "pincali:no-such"]).changed == 0
