"""`schedule`, `auto`, `runs`, `run show`: what a person is told of tiers."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from propspider.sync import leases, tier_runs
from tests import builders
from tests.commands.conftest import Report, Run

LAST = datetime.now(UTC) - timedelta(minutes=1)


@pytest.fixture
def ran(engine: Engine) -> Engine:
    """Tier 1 a minute ago, tier 2 cut off, tier 3 running."""
    with engine.begin() as connection:
        done = {
            "scheduled_for": LAST.isoformat(),
            "steps": ["manifest", "detail"],
            "done": ["manifest", "detail"],
            "step": "detail",
        }
        first = tier_runs.open_run(connection, "pincali", 1, "hot_listings", done)
        tier_runs.close(connection, first.id, "failed", "detail: [bold]no[/bold]")
        tier_runs.open_run(connection, "pincali", 1, "hot_listings", {**done, "done": ["manifest"]})
        tier_runs.open_run(connection, "pincali", 3, "weekly_deep", {"step": "verify", "scheduled_for": LAST.isoformat()})
        leases.acquire(connection, leases.of_tier("pincali", 3), "here:1, tier 3", ttl_seconds=600)
    builders.run(engine, "UPDATE sync_runs SET started_at = started_at - interval '1 hour' WHERE status = 'failed'")
    return engine


def test_the_schedule_says_what_runs_what_was_cut_off_and_what_is_due(run: Run, report: Report, ran: Engine) -> None:
    (portal,) = report("schedule")["portals"]
    found = {tier["tier"]: tier for tier in portal["tiers"]}
    assert (portal["time_zone"], portal["current"]) == ("America/Mexico_City", ["weekly_deep"])
    assert found["1"]["interrupted"] is not None
    assert found["1"]["is_due"] is False
    assert datetime.fromisoformat(found["1"]["next_run"]) > LAST
    assert (found["3"]["running"] is not None, found["3"]["step"]) == (True, "verify")
    assert found["2"]["is_due"]
    assert (found["full"]["trigger"], found["full"]["next_run"]) == ("by hand", None)
    shown = run("schedule").stdout
    assert "cut off at detail" in shown
    assert "at verify" in shown


def test_auto_says_why_what_is_due_does_not_run(run: Run, ran: Engine) -> None:
    plan = run("auto", "--dry-run").stdout
    assert "daily_sync of pincali: dry run" in plan
    assert "tier:pincali is held by here:1" in plan


def test_runs_and_one_of_them(run: Run, report: Report, ran: Engine) -> None:
    found = report("runs")["runs"]
    assert {(one["tier_name"], one["state"]) for one in found} == {
        ("hot_listings", "failed"),
        ("hot_listings", "cut off"),
        ("weekly_deep", "running"),
    }
    assert [one["tier_name"] for one in report("runs", "--tier", "3", "--portal", "pincali")["runs"]] == ["weekly_deep"]
    failed = next(one for one in found if one["state"] == "failed")
    shown = run("run", "show", failed["id"][:12]).stdout
    assert "manifest done, detail done" in shown
    assert "detail: [bold]no[/bold]" in shown
    assert report("run", "show", failed["id"])["run"]["error_summary"] == "detail: [bold]no[/bold]"
    assert "[bold]no[/bold]" in run("runs").stdout


def test_a_run_that_is_not_there_and_an_override_that_means_nothing_are_one_line(
    run: Run, ran: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("run", "show", "ffffffff-0").stderr.strip() == "propspider: no run 'ffffffff-0'"
    monkeypatch.setenv("TIER_2_CRON", "never")
    refused = run("schedule")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("propspider: TIER_2_CRON: ")


def test_nothing_ran_yet(run: Run, engine: Engine) -> None:
    assert run("runs").stdout.strip() == "no run yet: `propspider tier 1` is one"
