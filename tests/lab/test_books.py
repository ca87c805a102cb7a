"""The books notice what does not add up."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from propspider.db.engine import create_engine
from propspider.lab import books
from propspider.lab.truth import Fact
from propspider.sync import arrivals, queue, runs
from propspider.sync.promote import promote
from tests.builders import PORTAL, at, entry, item, listing, new_session, offer, page, run

OFFER = offer()
SHOWN = (1, 2, 3)


def fact(number: int) -> Fact:
    seen = item(number, OFFER)
    return Fact(
        public_id=listing(number).partition(":")[2],
        home=number,
        is_shown=True,
        slug=seen.source_url.rpartition("/")[2],
        offers=(OFFER,),
        title=seen.title or "",
        description="",
        published_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


FACTS = {one.public_id: one for one in map(fact, SHOWN)}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Three listings, walked and read."""
    engine = create_engine(database_url)
    walk, reading = new_session(engine), new_session(engine, "detail")
    with engine.begin() as connection:
        seen = page(*(entry(number, OFFER) for number in SHOWN))
        runs.add_counts(connection, walk, arrivals.record_pages(connection, walk, [seen], pages_wanted=0))
        queue.top_up(connection, PORTAL)
    run(engine, "UPDATE scrape_queue SET queued_at = :at, claim_key = :at", at=at(0))
    with engine.begin() as connection:
        claimed = queue.claim(connection, PORTAL, batch=9, worker="a", session_id=reading.id, lease_seconds=9)
        connection.exec_driver_sql("UPDATE scrape_queue SET claimed_at = queued_at")
        claims = {one.claim.property_id: one.claim for one in claimed}
        items = [item(number, OFFER, minute=5, claim=claims[listing(number)]) for number in SHOWN]
        runs.add_counts(connection, reading, promote(connection, reading, items))
        for session in (walk, reading):
            runs.close_session(connection, session, outcome="completed", reason="finished")
    yield engine
    engine.dispose()


def named(engine: Engine, *, removed: tuple[str, ...] = (), pages_served: int = 3, cut_off: tuple[str, ...] = ()) -> list[str]:
    with engine.connect() as connection:
        found = books.balance(connection, PORTAL, FACTS, removed=removed, pages_served=pages_served, cut_off=cut_off)
    return [one.name for one in found]


def test_what_was_stored_once_balances(engine: Engine) -> None:
    assert named(engine) == []


@pytest.mark.parametrize(
    ("done", "name"),
    [
        ("DELETE FROM properties_live WHERE property_id = :one", "a listing that is shown is not live"),
        ("DELETE FROM property_manifest WHERE property_id = :one", "a listing of a stored page is not in the manifest"),
        ("DELETE FROM manifest_sightings WHERE property_id = :one", "a listing of a stored page is not sighted"),
        ("DELETE FROM property_state WHERE property_id = :one", "a listing of the manifest has no state"),
        (
            "UPDATE property_state SET observed_at = now() - interval '9 years'",
            "a row of the queue is completed and its page is not stored",
        ),
        ("DELETE FROM property_changes WHERE property_id = :one", "a live row was never created"),
        (
            """INSERT INTO property_changes (property_id, portal, change_type, change_reason, observed_at)
               SELECT property_id, portal, change_type, change_reason, observed_at FROM property_changes
               WHERE property_id = :one""",
            "a listing was created twice",
        ),
        (
            """WITH other AS (SELECT id FROM scraping_sessions WHERE spider = 'manifest')
               INSERT INTO property_scrapes_staging (session_id, property_id, portal, source_url, offers, stated_empty, warnings,
                                                     observed_at, content_hash)
               SELECT other.id, property_id, portal, source_url, offers, stated_empty, warnings, observed_at, content_hash
               FROM property_scrapes_staging, other WHERE property_id = :one""",
            "one read of a page is stored twice",
        ),
        (
            """INSERT INTO sweep_pages (sweep_id, page, url, observed_at, cards, property_ids)
               SELECT sweep_id, page, url, observed_at, cards, property_ids FROM sweep_pages""",
            "one read of a listing page is stored twice",
        ),
        ("UPDATE properties_live SET price = 1, offers = '[]' WHERE property_id = :one", "a live row is not as its page"),
        (
            """INSERT INTO property_changes (property_id, portal, change_type, field_name, old_value, new_value, change_reason,
                                             observed_at)
               VALUES (:one, 'pincali', 'updated', 'title', '"never"', '"other"', 'test', now())""",
            "history does not lead to the live value",
        ),
        ("UPDATE properties_live SET listing_status = 'confirmed_removed' WHERE property_id = :one", "a removal is false"),
        (
            """INSERT INTO property_changes (property_id, portal, change_type, change_reason, observed_at)
               VALUES (:one, 'pincali', 'removed', 'test', now())""",
            "a removal is false",
        ),
        (
            """UPDATE scrape_queue SET status = 'in_progress', completed_at = NULL, lease_until = now()
               WHERE property_id = :one""",
            "a row of the queue is in progress with nobody",
        ),
        (
            "UPDATE scraping_sessions SET status = 'running', completed_at = NULL WHERE spider = 'detail'",
            "a session is running with nobody",
        ),
        ("UPDATE sweeps SET status = 'running', completed_at = NULL", "a sweep is running with nobody"),
        ("UPDATE sync_runs SET status = 'running', completed_at = NULL", "a run is running with nobody"),
        ("UPDATE sync_runs SET status = 'failed'", "a run failed and does not say why"),
        (
            """UPDATE sync_runs
               SET tier_name = 'daily_sync', metadata = '{"steps": ["manifest", "detail"], "done": ["manifest"]}'""",
            "a run is completed and did not do its steps",
        ),
        (
            "UPDATE scraping_sessions SET status = 'failed', finish_reason = 'died'",
            "a run is completed and its last crawl of a kind is not",
        ),
        ("UPDATE sync_runs SET properties_scraped = properties_scraped + 1", "a run's counters are not those of its sessions"),
        ("UPDATE sync_metadata SET new_properties = 0", "a session's counters are not those of its rows"),
        ("DELETE FROM sweep_pages", "pages of listing pages are not as many as the sessions say"),
    ],
)
def test_what_does_not_add_up_is_named(engine: Engine, done: str, name: str) -> None:
    run(engine, done, **({"one": listing(1)} if ":one" in done else {}))
    assert name in named(engine)


def test_a_removal_of_what_went_is_none_and_stored_pages_were_served(engine: Engine) -> None:
    run(
        engine,
        """INSERT INTO property_changes (property_id, portal, change_type, change_reason, observed_at)
           VALUES (:one, 'pincali', 'removed', 'test', now())""",
        one=listing(1),
    )
    assert named(engine, removed=(listing(1).partition(":")[2],)) == []
    assert named(engine, removed=(listing(1).partition(":")[2],), pages_served=2) == ["more pages are stored than were served"]


def test_a_run_that_was_cut_off_says_so(engine: Engine) -> None:
    with engine.connect() as connection:
        (run_id, *_) = [str(row[0]) for row in connection.exec_driver_sql("SELECT id FROM sync_runs")]
    run(engine, "UPDATE sync_runs SET tier_name = 'daily_sync'")
    assert named(engine, cut_off=(run_id,)) == ["a run that was cut off does not say so"]
    run(engine, """UPDATE sync_runs SET metadata = '{"taken_up": ["2026-03-01"]}'""")
    assert named(engine, cut_off=(run_id,)) == []
