"""Tiers 2, 3, 4 and the full sync end to end: the command line, real crawls, the laboratory, a real database."""

import hashlib
import json

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from typer.testing import CliRunner

from propspider.cli import app
from propspider.lab.world import World
from propspider.sync.tier_runs import ScopeSize
from propspider.tiers.steps import further_pages, pages_to_walk
from propspider.tiers.table import TABLE, Tier
from tests.builders import column, one, run, scalar
from tests.spiders.served import laboratory

from .running import tier

TODAY = World.create(40)
LATER = World.create(40, day=3)
LISTINGS = {listing.public_id for listing in TODAY.listings}
GONE = LISTINGS - {listing.public_id for listing in LATER.listings}
NEW = {listing.public_id for listing in LATER.listings} - LISTINGS


def age(engine: Engine, days: int, count: int) -> list[str]:
    """The details of so many listings are from so many days ago."""
    listed = "SELECT property_id FROM properties_live WHERE status = 'active' ORDER BY property_id LIMIT :count"
    chosen = column(engine, listed, count=count)
    aged = """UPDATE property_state SET observed_at = now() - make_interval(days => :days), price_moved_at = NULL
              WHERE property_id = ANY (:ids)"""
    run(engine, aged, days=days, ids=chosen)
    return chosen


def test_from_the_first_load_over_days_and_weeks(engine: Engine, database_url: str) -> None:
    with laboratory(TODAY) as lab:
        full = tier("full", database_url=database_url, lab=lab)
        assert (full["tier_level"], full["tier_name"], full["status"]) == (None, "full_sync", "completed")
        assert full["properties_scraped"] == full["new_properties"] == 40
        assert full["queue"] | {"duration_seconds": 0} == {"processed": 40, "succeeded": 40, "failed": 0, "duration_seconds": 0}
        assert set(column(engine, "SELECT verdict FROM sweeps")) == {"complete"}

        lab.becomes(LATER)
        before = len(lab.paths)
        daily = tier("2", database_url=database_url, lab=lab)
        assert daily["new_properties"] == len(NEW)
        assert daily["price_changes"] > 0
        # The portal's size is known, and a day's requests allow for all of it.
        assert column(engine, "SELECT DISTINCT pages_wanted FROM sweeps") == [0]
        assert daily["removals_detected"] == daily["removals_confirmed"] == 0
        fetched = len([path for path in lab.paths[before:] if "/home/" in path])
        assert fetched == daily["properties_scraped"] == daily["properties_queued"] >= len(NEW)

        stale = age(engine, 8, 6)
        before = len(lab.paths)
        weekly = tier("3", database_url=database_url, lab=lab)
        removed = column(engine, "SELECT property_id FROM properties_live WHERE listing_status = 'confirmed_removed'")
        assert {name.partition(":")[2] for name in removed} == GONE
        assert weekly["removals_detected"] == weekly["removals_confirmed"] == len(GONE)
        assert weekly["properties_scraped"] >= len(set(stale) - set(removed))
        still = set(stale) - set(removed)
        fresh = "SELECT observed_at > now() - interval '1 hour' FROM property_state WHERE property_id = ANY (:ids)"
        observed = column(engine, fresh, ids=list(still))
        assert set(observed) == {True}

        old = age(engine, 31, 5)
        before = len(lab.paths)
        monthly = tier("4", database_url=database_url, lab=lab)
        shown = scalar(engine, "SELECT count(*) FROM properties_live WHERE status = 'active'")
        asked = lab.paths[before:]
        assert not [path for path in asked if "/properties/" in path]
        fetched = len([path for path in asked if "/home/" in path])
        assert len(old) <= monthly["properties_scraped"] == fetched <= len(old) + shown // 10
        last = one(engine, "SELECT id, arguments FROM scraping_sessions ORDER BY started_at DESC LIMIT 1")
        reasons = column(engine, "SELECT DISTINCT queue_reason FROM scrape_queue WHERE session_id = :id", id=last["id"])
        assert set(reasons) == {"stale_data", "random_sample"}
        assert (last["arguments"]["slower"], last["arguments"]["limit"]) == (2.0, 60_000)
    assert column(engine, "SELECT tier_name FROM sync_runs ORDER BY started_at") == [
        "full_sync",
        "daily_sync",
        "weekly_deep",
        "monthly_refresh",
    ]
    assert column(engine, "SELECT DISTINCT status FROM sync_runs") == ["completed"]
    assert column(engine, "SELECT count(*) FROM scrape_queue WHERE status IN ('pending', 'in_progress')") == [0]


def everything(engine: Engine) -> dict[str, str]:
    """Table → a digest of all its rows."""
    names = sorted(sa.inspect(engine).get_table_names())
    with engine.connect() as connection:
        return {name: digest(connection, name) for name in names}


def digest(connection: sa.Connection, table: str) -> str:
    whole = sa.select(sa.text("t::text")).select_from(sa.table(table).alias("t"))
    return hashlib.sha256("\n".join(sorted(connection.execute(whole).scalars())).encode()).hexdigest()


@pytest.mark.parametrize("which", ["1", "2", "3", "4", "full"])
def test_a_dry_run_says_what_it_would_do_and_writes_nothing(
    which: str, engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(engine)
    monkeypatch.setenv("DATABASE_URL", database_url)
    before = everything(engine)
    done = CliRunner().invoke(app, ["tier", which, "--dry-run", "--json"])
    assert done.exit_code == 0, done.output
    plan = json.loads(done.stdout)
    assert everything(engine) == before
    assert plan["prevented"] is None
    assert plan["pages"].get("sale") == {"1": 5, "2": 5, "3": 5, "full": 5}.get(which)
    assert plan["queued"] == {"new_property": 1, **{"3": {"stale_data": 3}, "4": {"stale_data": 2}}.get(which, {})}
    assert plan["details"] == sum(plan["queued"].values())
    assert plan["delay_seconds"] == (3.0 if which == "4" else 1.5)
    shown = CliRunner().invoke(app, ["tier", which, "--dry-run"])
    assert "dry run" in shown.stdout
    assert "1 new_property" in shown.stdout


def seed(engine: Engine) -> None:
    """A new listing, one fetched 8 days ago, two 40 days ago, and a walk of five pages."""
    run(
        engine,
        """
        INSERT INTO property_manifest (property_id, portal, source_url, first_seen_at, observed_at)
        SELECT 'pincali:EB-AA000' || n, 'pincali', 'https://www.pincali.com/en/home/' || n, now(), now()
        FROM generate_series(1, 4) n;
        INSERT INTO property_state (property_id, portal, observed_at)
        SELECT 'pincali:EB-AA000' || n, 'pincali', now() - d * interval '1 day'
        FROM (VALUES (1, NULL), (2, 8), (3, 40), (4, 40)) AS t (n, d);
        INSERT INTO properties_live (property_id, portal, source_url, title, property_type, first_seen_at, scraped_at)
        SELECT property_id, portal, source_url, 'A house', 'house', now(), now()
        FROM property_manifest WHERE property_id <> 'pincali:EB-AA0001';
        INSERT INTO sync_runs (portal, status, completed_at) VALUES ('pincali', 'completed', now());
        INSERT INTO scraping_sessions (sync_run_id, portal, spider, status, base_url, parser_version, completed_at)
        SELECT id, 'pincali', 'manifest', 'completed', '', '', now() FROM sync_runs;
        INSERT INTO sweeps
            (portal, scope, session_id, status, verdict, pages_wanted, pages_fetched, cards, last_stated_total, completed_at)
        SELECT 'pincali', scope, id, 'finished', 'partial', 10, 5, 60, 60, now()
        FROM scraping_sessions, unnest(ARRAY['sale', 'rent', 'foreclosure', 'new_construction']) scope;
        """,
    )


def tier_of(name: str) -> Tier:
    return next(tier for tier in TABLE if tier.name == name)


def test_the_daily_tier_walks_everything_where_a_day_of_requests_allows_it() -> None:
    daily, scopes = tier_of("daily_sync"), ["sale", "rent"]
    known = {name: ScopeSize(name, 60_000, 40.0) for name in scopes}
    assert pages_to_walk(daily, known, scopes, 10_000) == 0
    assert pages_to_walk(daily, known, scopes, 6_000) == 100
    assert pages_to_walk(daily, {"sale": known["sale"]}, scopes, 10_000) == 100
    assert pages_to_walk(tier_of("hot_listings"), known, scopes, 10_000) == 10
    assert pages_to_walk(tier_of("weekly_deep"), {}, scopes, 10) == 0


def test_going_on_doubles_until_the_daily_tier_takes_over() -> None:
    hot = Tier(**{**vars(tier_of("hot_listings")), "go_on_pages": 100})
    assert further_pages(hot, {"sale": 10, "rent": 10}) == (["sale", "rent"], 20)
    assert further_pages(hot, {"sale": 80, "rent": 10}) == (["rent"], 20)
    assert further_pages(hot, {"sale": 80}) == (["sale"], 100)
    assert further_pages(hot, {"sale": 100}) is None
    assert further_pages(hot, {}) is None
