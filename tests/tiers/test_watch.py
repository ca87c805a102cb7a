"""What the daemon looks at every minute, and what a run leaves for trends."""

from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import Engine

from propspider import portals
from propspider.config import load
from propspider.lab.world import World
from propspider.tiers.daemon import Duty
from propspider.tiers.launch import ProcessLauncher
from propspider.tiers.running import Stop
from propspider.tiers.table import of_portal
from tests.builders import one, rows, run
from tests.spiders.served import laboratory

from .running import tier

PINCALI = portals.load("pincali")


def look(engine: Engine) -> None:
    configured = {"pincali": (PINCALI, of_portal(PINCALI, load()))}
    Duty(engine, configured, ProcessLauncher(), BackgroundScheduler(), lambda: Stop.NO).look()


def ran(engine: Engine, name: str, ago: str) -> None:
    run(
        engine,
        """
        INSERT INTO sync_runs (portal, tier_level, tier_name, status, started_at, completed_at, metadata)
        VALUES ('pincali', 1, :name, 'completed', now() - CAST(:ago AS interval), now() - CAST(:ago AS interval),
                jsonb_build_object('scheduled_for', now() - CAST(:ago AS interval)))
        """,
        name=name,
        ago=ago,
    )


def overdue(engine: Engine) -> list[str]:
    query = "SELECT subject FROM alerts WHERE kind = 'tier_overdue' AND resolved_at IS NULL ORDER BY subject"
    return [row["subject"] for row in rows(engine, query)]


def test_a_tier_that_does_not_run_is_told_of_until_it_does(engine: Engine) -> None:
    look(engine)
    assert overdue(engine) == []  # nothing ever ran: it is due now, not overdue
    ran(engine, "hot_listings", "3 days")
    look(engine)
    look(engine)
    assert overdue(engine) == ["hot_listings"]
    assert one(engine, "SELECT times, portal FROM alerts WHERE kind = 'tier_overdue'") == {"times": 2, "portal": "pincali"}
    ran(engine, "hot_listings", "0 seconds")
    look(engine)
    assert overdue(engine) == []


def test_a_queue_that_waits_beyond_its_bound_is_told_of(engine: Engine) -> None:
    run(
        engine,
        """
        INSERT INTO scrape_queue (portal, property_id, source_url, priority, queue_reason, queued_at, claim_key)
        VALUES ('pincali', 'pincali:EB-AA0001', 'https://www.pincali.com/en/home/a', 1, 'new_property', now() - interval '9 days',
                now() - interval '9 days')
        """,
    )
    look(engine)
    assert one(engine, "SELECT kind, severity FROM alerts WHERE kind = 'backlog'") == {"kind": "backlog", "severity": "warning"}


def test_a_run_leaves_a_sample(engine: Engine, database_url: str) -> None:
    with laboratory(World.create(30)) as lab:
        result = tier("1", database_url=database_url, lab=lab)
    sample = one(engine, "SELECT * FROM metric_samples")
    assert (str(sample["sync_run_id"]), sample["tier_name"], sample["run_status"]) == (
        result["run_id"],
        "hot_listings",
        "completed",
    )
    assert (sample["new_properties"], sample["listings_shown"], sample["scraped_7_days"]) == (30, 30, 30)
    assert one(engine, "SELECT count(*) AS samples FROM tier_metrics") == {"samples": 1}


def test_a_look_wakes_what_is_due_and_what_was_cut_off_and_nothing_else(engine: Engine) -> None:
    """A timer that slept with its machine; a run of somebody who died."""
    config = load()
    portal = portals.load("pincali")
    ran = """INSERT INTO sync_runs (portal, tier_level, tier_name, status, started_at, completed_at, metadata)
             SELECT 'pincali', level, name, 'completed', now(), now(), jsonb_build_object('scheduled_for', now())
             FROM (VALUES (1, 'hot_listings'), (3, 'weekly_deep'), (4, 'monthly_refresh')) t (level, name)"""
    run(engine, ran)
    run(engine, "INSERT INTO sync_runs (portal, tier_level, tier_name) VALUES ('pincali', 4, 'monthly_refresh')")
    scheduler = BackgroundScheduler()
    Duty(engine, {"pincali": (portal, of_portal(portal, config))}, ProcessLauncher(), scheduler, lambda: Stop.NO).look()
    assert {job.id for job in scheduler.get_jobs()} == {"pincali 2", "pincali 4"}
