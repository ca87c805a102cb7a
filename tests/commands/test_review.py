"""review list, accept and reject, on a price that a listing page moved too far."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from tests.commands import rows
from tests.commands.conftest import Report, Run


@pytest.fixture
def held(engine: Engine) -> str:
    """The id of a listing whose stored price of 1,250,000 the next listing page shows as 125,000."""
    rows.walk(engine, [rows.page([rows.entry(1, price=1_250_000)])])
    rows.store(engine, [rows.item(1, price=1_250_000)])
    rows.walk(engine, [rows.page([rows.entry(1, price=125_000)], at=rows.NOON + timedelta(hours=1))])
    with engine.connect() as connection:
        return str(connection.execute(text("SELECT property_id FROM property_offers WHERE held_reason IS NOT NULL")).scalar_one())


def price(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT price FROM properties_live")).scalar_one())


def test_nothing_held_is_said_so(run: Run, engine: Engine) -> None:
    assert "nothing is held" in run("review", "list").stdout


def test_a_held_price_is_listed_beside_what_live_shows(run: Run, report: Report, engine: Engine, held: str) -> None:
    (value,) = report("review", "list")
    assert (value["property_id"], value["known"]["amount"], value["held"]["amount"]) == (held, 1_250_000, 125_000)
    assert (value["reason"], value["source"], value["move"]) == ("price_move", "manifest", -0.9)
    shown = run("review", "list").stdout
    assert "1,250,000 MXN" in shown
    assert "-90%" in shown


def test_accepting_writes_it(run: Run, engine: Engine, held: str) -> None:
    accepted = run("review", "accept", held)
    assert accepted.exit_code == 0, accepted.output
    assert price(engine) == 125_000
    assert "nothing is held" in run("review", "list").stdout


def test_rejecting_keeps_what_live_shows(run: Run, report: Report, engine: Engine, held: str) -> None:
    assert report("review", "reject", held) == {"rejected": [held], "nothing_held": []}
    assert price(engine) == 1_250_000
    assert "nothing is held" in run("review", "list").stdout


def test_a_listing_of_which_nothing_is_held_is_an_error(run: Run, engine: Engine, held: str) -> None:
    refused = run("review", "accept", held, "--operation", "rent")
    assert refused.exit_code == 1
    assert "nothing is held" in refused.stderr
    assert price(engine) == 1_250_000


def test_an_unknown_operation_names_those_there_are(run: Run, engine: Engine) -> None:
    refused = run("review", "reject", "acme:1", "--operation", "swap")
    assert refused.exit_code == 2
    assert "sale" in refused.stderr
