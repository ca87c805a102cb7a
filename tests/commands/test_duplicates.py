"""propspider duplicates: groups, why, what a person says, and the score of a file."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.commands.conftest import Report, Run
from tests.commands.rows import HOSTILE
from tests.quality.listings import arrive, grouped, house, put

A, B, C = "pincali:EB-AA0001", "pincali:EB-AA0002", "pincali:EB-AA0003"


@pytest.fixture
def pair(engine: Engine) -> Engine:
    """A and B are one house; C is another nearby, which nearly passes for it."""
    arrive(engine, house(A, title=HOSTILE, seen=1), house(B, seen=2), house(C, 2_640_000, total_area_m2=199, seen=3))
    assert grouped(engine) == {A: [A, B]}
    return engine


def test_nothing_is_said_so(run: Run, engine: Engine) -> None:
    assert "no two listings" in run("duplicates", "list").stdout
    assert "no pair waits" in run("duplicates", "list", "--review").stdout


def test_groups_and_pairs_that_wait_are_listed(run: Run, report: Report, pair: Engine) -> None:
    (group,) = report("duplicates", "list")
    assert (group["group_id"], group["property_ids"], group["shown"]) == (A, [A, B], 2)
    assert HOSTILE in run("duplicates", "list").stdout
    assert report("duplicates", "list", "--portal", "otro") == []
    waiting = report("duplicates", "list", "--review")
    assert {(one["first"], one["second"]) for one in waiting} == {(A, C), (B, C)}
    assert waiting[0]["probability"] is None
    assert "area within" in run("duplicates", "list", "--review").stdout


def test_a_group_is_explained(run: Run, report: Report, pair: Engine) -> None:
    told = report("duplicates", "explain", B)
    assert [member["property_id"] for member in told["members"]] == [A, B]
    assert told["found"][0]["reasons"]["price"] == ["equal", 4]
    assert told["chains"][0]["property_ids"] == [A, B]
    shown = run("duplicates", "explain", B).stdout
    assert "price equal +4" in shown
    assert "days on market" in shown
    assert "in no group" in run("duplicates", "explain", C).stdout
    missing = run("duplicates", "explain", "pincali:none")
    assert (missing.exit_code, missing.stderr) == (1, "propspider: no such listing: pincali:none\n")


def test_two_listings_are_compared_whatever_they_are(run: Run, report: Report, pair: Engine) -> None:
    put(pair, house("pincali:new"))
    found = report("duplicates", "explain", A, C)
    assert found["score"] == sum(bits for _, bits in found["reasons"].values())
    assert "no contradiction" in run("duplicates", "explain", A, C).stdout
    arrive(pair, house(C, bedrooms=9))
    assert "never one property: rooms" in run("duplicates", "explain", C, A).stdout
    assert run("duplicates", "explain", A, A).exit_code == 2
    assert "not read yet" in run("duplicates", "explain", A, "pincali:new").stderr


def test_a_merge_and_a_split_are_said_and_taken_back(run: Run, report: Report, pair: Engine) -> None:
    merged = report("duplicates", "merge", A, C)
    assert (merged["joined"], grouped(pair)) == ([C], {A: [A, B, C]})
    assert "together" in run("duplicates", "explain", C).stdout
    assert report("duplicates", "undo", str(merged["action"])) == {"undone": merged["action"], "joined": [], "left": [C]}
    split = run("duplicates", "split", B)
    assert f"left its group {B}" in split.stdout
    assert grouped(pair) == {}
    again = run("duplicates", "undo", str(merged["action"]))
    assert (again.exit_code, "undone before" in again.stderr) == (1, True)
    refused = run("duplicates", "split", C)
    assert (refused.exit_code, refused.stderr) == (1, f"propspider: {C}: in no group\n")
    assert run("duplicates", "undo", str(merged["action"] + 1)).stdout.splitlines() == [
        f"joined a group {A}",
        f"joined a group {B}",
    ]


def test_an_overruled_veto_is_told(run: Run, pair: Engine) -> None:
    arrive(pair, house(C, bedrooms=9, seen=3))
    said = run("duplicates", "merge", A, C)
    assert f"the rules would never join {A} and {C}: rooms" in said.stdout
    assert grouped(pair) == {A: [A, B, C]}


def test_a_refresh_finds_what_no_promotion_told(run: Run, report: Report, engine: Engine) -> None:
    put(engine, house(A), house(B))
    done = report("duplicates", "refresh")
    assert (done["listings"], done["changed"], done["joined"], done["judged"]) == (2, 2, [A, B], None)
    assert "2 listings, 0 of them new or changed" in run("duplicates", "refresh").stdout


def test_a_file_that_cannot_be_scored_is_one_line(run: Run, engine: Engine, tmp_path: Path) -> None:
    failed = run("duplicates", "score", str(tmp_path / "none.parquet"), "--json")
    assert failed.exit_code == 1
    assert len(failed.stderr.splitlines()) == 1
