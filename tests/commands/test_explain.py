from datetime import timedelta

import pytest
from sqlalchemy import Engine

from propspider.sync import runs
from tests.commands import rows
from tests.commands.conftest import Report, Run

LATER = rows.NOON + timedelta(hours=6)


@pytest.fixture
def known(engine: Engine) -> Engine:
    """Listing 1: seen in two scopes and twice in one, stored twice, its price changed by a card; listing 2: a card only."""
    rows.walk(
        engine,
        [rows.page([rows.entry(2), rows.entry(1, title=rows.HOSTILE)], number=4), rows.page([rows.entry(1)], scope="rent")],
    )
    rows.store(engine, [rows.item(1, title=rows.HOSTILE)])
    rows.walk(engine, [rows.page([rows.entry(1, price=1_300_000, title=rows.HOSTILE)], number=7, at=LATER)])
    session = rows.open_session(engine, "detail")
    with engine.begin() as connection:
        runs.record_errors(connection, session, [rows.lost(1, "[/] timed out")])
    rows.close(engine, session)
    return engine


def test_a_listing_tells_every_page_it_was_seen_on(report: Report, known: Engine) -> None:
    found = report("explain", rows.listing_id(1))
    seen = [(seen["scope"], seen["page"], seen["place"]) for seen in found["seen_on"]]
    assert seen[0] == ("sale", 7, 1)
    assert sorted(seen[1:]) == [("rent", 1, 1), ("sale", 4, 2)]
    assert [(s["scope"], s["page_number"], s["missed"]) for s in found["sightings"]] == [("rent", 1, 0), ("sale", 7, 0)]


def test_a_listing_tells_its_offers_history_queue_and_errors(report: Report, known: Engine) -> None:
    found = report("explain", rows.listing_id(1))
    assert found["live"]["price"] == 1_300_000
    assert [(o["operation"], o["amount"], o["source"]) for o in found["offers"]] == [("sale", 1_300_000, "manifest")]
    assert found["freshness"]["price_at_last_manifest"] == 1_300_000
    price = next(change for change in found["changes"] if change["field_name"] == "price")
    assert (price["old_value"], price["new_value"], price["change_reason"]) == (1_000_000, 1_300_000, "list price")
    assert found["changes"][-1]["change_type"] == "created"
    assert [row["queue_reason"] for row in found["queue"]] == ["new_property"]
    assert [error["message"] for error in found["errors"]] == ["[/] timed out"]


def test_history_is_limited_newest_first(run: Run, report: Report, known: Engine) -> None:
    everything = report("explain", rows.listing_id(1), "--all")
    newest = report("explain", rows.listing_id(1), "--changes", "1")
    assert newest["changes"] == everything["changes"][:1]
    assert newest["changes_total"] == len(everything["changes"]) > 1
    assert f"the newest 1 of {newest['changes_total']}" in run("explain", rows.listing_id(1), "--changes", "1").stdout


def test_hostile_text_is_shown_as_it_stands(run: Run, known: Engine) -> None:
    shown = run("explain", rows.listing_id(1))
    assert shown.exit_code == 0
    assert rows.HOSTILE in shown.stdout
    assert "[/] timed out" in shown.stdout


def test_a_card_without_detail_says_so(run: Run, report: Report, known: Engine) -> None:
    assert "no live row" in run("explain", rows.listing_id(2)).stdout
    found = report("explain", rows.listing_id(2))
    assert (found["live"], found["freshness"], found["changes_total"]) == (None, None, 0)
    assert found["card"]["first_seen_at"] == "2026-03-02T18:00:00+00:00"


def test_the_default_portals_name_may_be_left_out(report: Report, known: Engine) -> None:
    assert report("explain", "EB-AB0002")["property_id"] == rows.listing_id(2)


@pytest.mark.parametrize(("wanted", "meant"), [("EB-AB0003", 2), ("eb-ab0001", 1), ("5000002", 2)])
def test_an_unknown_id_is_one_line_with_the_nearest(run: Run, known: Engine, wanted: str, meant: int) -> None:
    result = run("explain", wanted)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"propspider: no listing pincali:{wanted}; near it: ")
    assert rows.listing_id(meant) in result.stderr
    assert result.stderr.count("\n") == 1
