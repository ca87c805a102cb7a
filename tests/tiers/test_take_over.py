"""Runners and daemons that die, are told to stop, or come late. Real processes; conditions are looked for in the database."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from sqlalchemy import Engine

from propspider import portals
from propspider.config import load
from propspider.lab.world import World
from propspider.tiers.run import give_up_stale
from propspider.tiers.table import of_portal
from tests.builders import column, one, run, scalar
from tests.spiders.crawling import ROOT, SECONDS, environment
from tests.spiders.served import Gate, Lab, laboratory
from tests.spiders.test_lab import until

from .running import command, start

WORLD = World.create(30)
FREE = 5
ALONE = {"TIER_1_ENABLED": "no", "TIER_3_ENABLED": "no", "TIER_4_ENABLED": "no"}
"""Only tier 2 by the calendar."""


def daemon(database_url: str, lab: Lab, **extra: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "scheduler.py"],
        cwd=ROOT,
        env=environment(database_url, lab.base_url, **extra),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def crawls_of(engine: Engine) -> list[psutil.Process]:
    """Processes of crawls of any run in this database."""
    ids = {f"run={one}" for one in column(engine, "SELECT id FROM sync_runs")}
    return [process for process in psutil.process_iter(["cmdline"]) if ids & set(process.info["cmdline"] or ())]


def patient(condition: Callable[[], object], *, seconds: float) -> None:
    """`until` for what waits for a lease to run out."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"


def leases_run_out(engine: Engine) -> None:
    """As if nobody had beaten for a minute."""
    run(engine, "UPDATE leases SET beat_at = clock_timestamp() - interval '1 minute' WHERE name LIKE 'tier:%'")


def all_is_well(engine: Engine) -> None:
    row = one(engine, "SELECT * FROM sync_runs WHERE tier_name IS NOT NULL")
    assert (row["status"], row["error_summary"]) == ("completed", None)
    assert column(engine, "SELECT DISTINCT status FROM scrape_queue") == ["completed"]
    assert scalar(engine, "SELECT count(*) FROM scrape_queue") == len(WORLD.listings)
    assert scalar(engine, "SELECT count(*) FROM properties_live") == len(WORLD.listings)
    ended = "SELECT count(*) FROM scraping_sessions WHERE status = 'completed' GROUP BY spider"
    assert set(column(engine, ended)) == {1}
    assert row["pages_scanned"] == scalar(engine, "SELECT sum(pages_fetched) FROM scraping_sessions WHERE spider = 'manifest'")


def test_a_killed_runner_is_followed_at_its_step(engine: Engine, database_url: str) -> None:
    gate = Gate(free=FREE)
    with laboratory(WORLD, gate) as lab:
        first = start("tier", "2", database_url=database_url, lab=lab)
        until(lambda: gate.passed > FREE)
        walked = len(lab.asked("/properties/"))
        first.kill()
        first.communicate()
        orphans = crawls_of(engine)
        assert len(orphans) == 1
        leases_run_out(engine)
        second = start("tier", "2", "--json", database_url=database_url, lab=lab)
        until(lambda: not any(orphan.is_running() and orphan.status() != psutil.STATUS_ZOMBIE for orphan in orphans))
        gate.free = 1000
        gate.opened.set()
        out, err = second.communicate(timeout=SECONDS)
        assert second.returncode == 0, err
        assert len(lab.asked("/properties/")) == walked
    assert json.loads(out)["status"] == "completed"
    all_is_well(engine)
    assert len(one(engine, "SELECT metadata FROM sync_runs")["metadata"]["taken_up"]) == 1


def test_a_runner_that_is_told_to_stop_hands_back_and_another_goes_on(engine: Engine, database_url: str) -> None:
    gate = Gate(free=FREE)
    with laboratory(WORLD, gate) as lab:
        first = start("tier", "2", "--json", database_url=database_url, lab=lab)
        until(lambda: gate.passed > FREE)
        first.send_signal(signal.SIGTERM)
        gate.free = 1000
        gate.opened.set()
        out, err = first.communicate(timeout=SECONDS)
        assert first.returncode == 0, err
        assert json.loads(out)["status"] == "running"
        assert crawls_of(engine) == []
        assert scalar(engine, "SELECT count(*) FROM scrape_queue WHERE status = 'in_progress'") == 0
        runs = command("runs", database_url=database_url, lab=lab)
        assert "cut off" in runs.out
        done = command("auto", database_url=database_url, lab=lab, **ALONE)
        assert done.code == 0, done.err
    all_is_well(engine)


def test_a_crawl_that_is_killed_is_tried_once_more(engine: Engine, database_url: str) -> None:
    gate = Gate(free=FREE)
    with laboratory(WORLD, gate) as lab:
        runner = start("tier", "2", "--json", database_url=database_url, lab=lab)
        until(lambda: gate.passed > FREE)
        (crawl,) = crawls_of(engine)
        crawl.kill()
        gate.free = 1000
        gate.opened.set()
        _, err = runner.communicate(timeout=SECONDS)
    assert runner.returncode == 0, err
    all_is_well(engine)
    ended = column(engine, "SELECT finish_reason FROM scraping_sessions WHERE spider = 'detail' ORDER BY started_at")
    assert ended == ["died", "finished"]


def test_a_runner_that_died_with_its_crawl_leaves_nothing_that_waits_for_them(engine: Engine, database_url: str) -> None:
    gate = Gate(free=FREE)
    with laboratory(WORLD, gate) as lab:
        first = start("tier", "2", database_url=database_url, lab=lab)
        until(lambda: gate.passed > FREE)
        first.kill()
        first.communicate()
        (crawl,) = crawls_of(engine)
        crawl.kill()
        until(lambda: not crawl.is_running() or crawl.status() == psutil.STATUS_ZOMBIE)
        leases_run_out(engine)
        gate.free = 1000
        gate.opened.set()
        second = command("tier", "2", database_url=database_url, lab=lab)
        assert second.code == 0, second.err
    all_is_well(engine)
    ended = column(engine, "SELECT finish_reason FROM scraping_sessions WHERE spider = 'detail' ORDER BY started_at")
    assert ended == ["died", "finished"]


def test_a_crawl_that_is_killed_before_it_begins_is_tried_once_more(engine: Engine, database_url: str) -> None:
    with laboratory(WORLD) as lab:
        runner = start("tier", "2", "--json", database_url=database_url, lab=lab)
        until(lambda: crawls_of(engine))
        assert scalar(engine, "SELECT count(*) FROM scraping_sessions") == 0
        crawls_of(engine)[0].kill()
        _, err = runner.communicate(timeout=SECONDS)
    assert runner.returncode == 0, err
    all_is_well(engine)


def test_a_run_that_is_given_up_takes_its_crawls_with_it(engine: Engine) -> None:
    run(
        engine,
        """INSERT INTO sync_runs (portal, tier_level, tier_name, started_at, metadata)
           VALUES ('pincali', 1, 'hot_listings', now() - interval '3 days', '{"step": "detail"}')""",
    )
    run(
        engine,
        """INSERT INTO scraping_sessions (sync_run_id, portal, spider, base_url, parser_version)
           SELECT id, portal, 'detail', '', '' FROM sync_runs""",
    )
    run(engine, "INSERT INTO sync_metadata (session_id) SELECT id FROM scraping_sessions")
    run(
        engine,
        """INSERT INTO scrape_queue (portal, property_id, source_url, priority, queue_reason, claim_key, status,
                                     lease_until, session_id)
           SELECT portal, 'pincali:EB-AA0001', '', 1, 'new_property', now(), 'in_progress', now() + interval '5 minutes', id
           FROM scraping_sessions""",
    )
    assert len(give_up_stale(engine, {"pincali": of_portal(portals.load("pincali"), load())})) == 1
    assert column(engine, "SELECT finish_reason FROM scraping_sessions") == ["died"]
    assert column(engine, "SELECT status FROM scrape_queue") == ["pending"]


def test_a_person_who_gives_up_cancels(engine: Engine, database_url: str) -> None:
    gate = Gate(free=FREE)
    with laboratory(WORLD, gate) as lab:
        first = start("tier", "2", database_url=database_url, lab=lab)
        until(lambda: gate.passed > FREE)
        first.send_signal(signal.SIGINT)
        gate.free = 1000
        gate.opened.set()
        first.communicate(timeout=SECONDS)
    assert first.returncode == 1
    row = one(engine, "SELECT status, error_summary FROM sync_runs")
    assert row == {"status": "cancelled", "error_summary": "cancelled by hand"}
    assert scalar(engine, "SELECT count(*) FROM scrape_queue WHERE status = 'in_progress'") == 0


def test_of_two_daemons_one_goes_on_when_the_other_is_killed(engine: Engine, database_url: str) -> None:
    gate = Gate(free=FREE)
    with laboratory(WORLD, gate) as lab:
        leader = daemon(database_url, lab, **ALONE)
        until(lambda: scalar(engine, "SELECT count(*) FROM leases WHERE name = 'leader'"))
        standby = daemon(database_url, lab, **ALONE)
        try:
            until(lambda: gate.passed > FREE)
            leader.kill()
            killed = time.monotonic()
            leader.wait()
            assert standby.poll() is None
            gone_on = "SELECT count(*) FROM sync_runs WHERE metadata ? 'taken_up'"
            patient(lambda: scalar(engine, gone_on), seconds=60)
            assert time.monotonic() - killed < 60
            gate.free = 1000
            gate.opened.set()
            until(lambda: column(engine, "SELECT status FROM sync_runs") == ["completed"])
            standby.send_signal(signal.SIGTERM)
            assert standby.wait(SECONDS) == 0
        finally:
            for process in (leader, standby):
                if process.poll() is None:
                    process.kill()
                    process.wait()
    all_is_well(engine)
    assert one(engine, "SELECT metadata FROM sync_runs")["metadata"]["scheduled_for"] is not None
    assert scalar(engine, "SELECT ttl_seconds FROM leases WHERE name = 'leader'") == 0


def test_a_tier_that_is_due_takes_up_what_was_cut_off_before_it(engine: Engine, database_url: str) -> None:
    """Somebody's tier 4, killed while a daemon leads."""
    only = {"TIER_1_ENABLED": "no", "TIER_3_ENABLED": "no", "TIER_4_ENABLED": "no", "TIER_2_FREQUENCY_HOURS": "0.003"}
    with laboratory(WORLD) as lab:
        leader = daemon(database_url, lab, **only)
        try:
            until(lambda: scalar(engine, "SELECT count(*) FROM sync_runs WHERE status = 'completed'"))
            run(
                engine,
                """INSERT INTO sync_runs (portal, tier_level, tier_name, metadata)
                   VALUES ('pincali', 4, 'monthly_refresh', '{"step": "detail", "done": ["top_up"]}')""",
            )
            until(lambda: column(engine, "SELECT status FROM sync_runs WHERE tier_level = 4") == ["completed"])
            leader.send_signal(signal.SIGTERM)
            assert leader.wait(SECONDS) == 0
        finally:
            if leader.poll() is None:
                leader.kill()
                leader.wait()


def test_two_days_without_a_daemon_are_made_up_for_once(engine: Engine, database_url: str) -> None:
    last = datetime.now(UTC) - timedelta(days=2)
    ran = """INSERT INTO sync_runs (portal, tier_level, tier_name, status, started_at, completed_at, metadata)
             SELECT 'pincali', 1, 'hot_listings', 'completed', at, at, jsonb_build_object('scheduled_for', at)
             FROM CAST(:at AS timestamptz) at"""
    run(engine, ran, at=last)
    only = {"TIER_2_ENABLED": "no", "TIER_3_ENABLED": "no", "TIER_4_ENABLED": "no", "TIER_1_MAX_ITEMS": "1"}
    with laboratory(WORLD) as lab:
        first = command("auto", "--json", database_url=database_url, lab=lab, **only)
        assert first.code == 0, first.err
        second = command("auto", database_url=database_url, lab=lab, **only)
    assert [ran["tier_name"] for ran in json.loads(first.out)["runs"]] == ["hot_listings"]
    assert second.out.strip() == "nothing is due"
    assert scalar(engine, "SELECT count(*) FROM sync_runs") == 2


def test_tier_1_waits_for_a_walk_and_runs_beside_details(engine: Engine, database_url: str) -> None:
    run(engine, "INSERT INTO leases (name, holder, fence, ttl_seconds) VALUES ('tier:pincali', 'somebody, tier 3', 1, 600)")
    walking = """INSERT INTO sync_runs (portal, tier_level, tier_name, metadata)
                 VALUES ('pincali', 3, 'weekly_deep', '{"step": "manifest"}')"""
    run(engine, walking)
    with laboratory(WORLD) as lab:
        refused = command("tier", "1", database_url=database_url, lab=lab, TIER_1_MAX_ITEMS="1")
        assert refused.code == 1
        assert refused.lines == ["propspider: weekly_deep of pincali is at its step manifest: tier 1 does not run beside a walk"]
        run(engine, """UPDATE sync_runs SET metadata = '{"step": "detail"}'""")
        done = command("tier", "1", database_url=database_url, lab=lab, TIER_1_MAX_ITEMS="1")
        assert done.code == 0, done.err
        other = command("tier", "2", database_url=database_url, lab=lab)
        assert other.lines[0].startswith("propspider: tier:pincali is held by somebody")
    assert column(engine, "SELECT status FROM sync_runs WHERE tier_level = 1") == ["completed"]


def test_a_run_whose_portal_is_gone_and_one_past_its_budget_are_ended_with_the_reason(engine: Engine) -> None:
    run(
        engine,
        """INSERT INTO sync_runs (portal, tier_level, tier_name, started_at, metadata) VALUES
           ('elsewhere', 2, 'daily_sync', now(), '{"step": "verify"}'),
           ('pincali', 1, 'hot_listings', now() - interval '3 days', '{"step": "manifest"}'),
           ('pincali', 3, 'weekly_deep', now(), '{"step": "manifest"}')""",
    )
    configured = {"pincali": of_portal(portals.load("pincali"), load())}
    assert len(give_up_stale(engine, configured)) == 1
    assert len(give_up_stale(engine, configured, gone=True)) == 1
    told = column(engine, "SELECT error_summary FROM sync_runs WHERE status = 'failed' ORDER BY tier_level")
    assert told == [
        "its runner died at step manifest, and nobody took the run up within 2 h",
        "elsewhere is no longer configured; cut off at step verify",
    ]
    assert column(engine, "SELECT tier_name FROM sync_runs WHERE status = 'running'") == ["weekly_deep"]


@pytest.mark.parametrize(("variable", "value"), [("TIER_1_CRON", "61 * * * *"), ("TIER_4_SAMPLE", "10")])
def test_a_daemon_with_an_invalid_override_says_so_in_one_line(variable: str, value: str) -> None:
    done = subprocess.run(
        [sys.executable, "scheduler.py"],
        cwd=ROOT,
        env={**os.environ, variable: value},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"propspider: {variable}: ")
