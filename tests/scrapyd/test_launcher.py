"""Crawls on real nodes: what a node says of a job, and what its session row says, which is what counts."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from aiohttp import web
from pydantic import SecretStr
from sqlalchemy import Engine

from propspider import portals
from propspider.db.transactions import in_transaction
from propspider.lab.listing import Listing
from propspider.lab.serving import serve
from propspider.lab.world import World
from propspider.sync import leases, queue, runs
from propspider.tiers.launch import Job
from propspider.tiers.scrapyd import ScrapydLauncher, Started
from propspider.tiers.scrapyd_node import nodes as nodes_of
from tests.builders import column, one, rows, run, scalar
from tests.spiders.served import Gate, Lab, laboratory, reset

from .conftest import StartNode
from .nodes import PASSWORD, Daemon, free_port, until

PORTAL = "pincali"
WORLD = World.create(40)
NAMES = {f"{PORTAL}:{listing.public_id}" for listing in WORLD.listings}


@pytest.fixture
def gate() -> Gate:
    return Gate(free=5)


@pytest.fixture
def lab(gate: Gate) -> Iterator[Lab]:
    with laboratory(WORLD, gate) as lab:
        yield lab


def to(engine: Engine, *daemons: Daemon) -> ScrapydLauncher:
    return ScrapydLauncher([daemon.node for daemon in daemons], engine)


def a_run(engine: Engine) -> tuple[uuid.UUID, int]:
    """A tier's run and its fence."""
    with engine.begin() as connection:
        fence = leases.acquire(connection, f"tier:{PORTAL}", "a test", ttl_seconds=600).fence
    query = "INSERT INTO sync_runs (portal, tier_level, tier_name) VALUES (:portal, 3, 'weekly_deep') RETURNING id"
    with engine.begin() as connection:
        return scalar(connection, query, portal=PORTAL), fence


def a_job(engine: Engine, spider: str, lab: Lab, **arguments: str) -> Job:
    return Job(spider, PORTAL, *a_run(engine), {"base_url": lab.base_url, **arguments})


def want_all(engine: Engine) -> None:
    def wanted(listing: Listing) -> queue.Want:
        return queue.Want(f"{PORTAL}:{listing.public_id}", f"https://www.pincali.com/en/home/{listing.slug}", "new_property")

    with engine.begin() as connection:
        queue.enqueue(connection, PORTAL, [wanted(listing) for listing in WORLD.listings])


def await_end(launcher: ScrapydLauncher, started: Started) -> None:
    until(lambda: not launcher.is_running(started))


def stored(engine: Engine) -> int:
    count: int = scalar(engine, "SELECT count(*) FROM properties_live")
    return count


def queued(engine: Engine) -> dict[str, int]:
    return {row["status"]: row["n"] for row in rows(engine, "SELECT status, count(*) AS n FROM scrape_queue GROUP BY 1")}


def is_at_work(engine: Engine) -> bool:
    return scalar(engine, "SELECT count(*) FROM scraping_sessions WHERE status = 'running'") == 1 and stored(engine) > 0


def age(engine: Engine) -> None:
    """Long ago: the last sign of life of whatever runs, and the leases of what it claimed."""
    run(engine, "UPDATE scraping_sessions SET heartbeat_at = heartbeat_at - interval '1 hour' WHERE status = 'running'")
    run(engine, "UPDATE scrape_queue SET lease_until = clock_timestamp() - interval '1 s' WHERE status = 'in_progress'")


def test_a_scan_on_a_node_is_a_session_of_its_run(engine: Engine, first: Daemon, lab: Lab) -> None:
    launcher = to(engine, first)
    job = a_job(engine, "manifest", lab)
    started = launcher.start(job)
    await_end(launcher, started)
    session = one(engine, "SELECT * FROM scraping_sessions")
    assert (session["status"], session["finish_reason"], session["sync_run_id"]) == ("completed", "finished", job.run_id)
    assert session["parser_version"] != portals.load(PORTAL).parser_version, "it ran what is installed, not what was deployed"
    of_run = one(engine, "SELECT * FROM sync_runs")
    assert (of_run["pages_scanned"], of_run["new_properties_found"]) == (len(lab.asked("/properties")), len(NAMES))
    assert of_run["status"] == "running"
    assert set(column(engine, "SELECT property_id FROM property_manifest")) == NAMES
    with engine.connect() as connection:
        leases.check(connection, leases.Lease(f"tier:{PORTAL}", "", job.fence))
    assert launcher.last_words(started) == ""
    assert PASSWORD not in first.log_of("manifest", started.job_id)


def test_a_job_that_left_no_session_says_why(engine: Engine, first: Daemon, lab: Lab) -> None:
    job = a_job(engine, "manifest", lab)
    launcher = to(engine, first)
    superseded = launcher.start(Job(job.spider, PORTAL, job.run_id, job.fence - 1, job.arguments))
    mistaken = launcher.start(Job(job.spider, PORTAL, job.run_id, job.fence, {"pges": "1"}))
    await_end(launcher, superseded)
    await_end(launcher, mistaken)
    assert rows(engine, "SELECT * FROM scraping_sessions") == []
    assert launcher.last_words(superseded) == "crawl not started: tier:pincali was taken over"
    assert launcher.last_words(mistaken) == f"{first.url}: the crawl ended before it could log; scrapyd's own log there says why"
    assert "-a pges" in first.said


def test_a_cancelled_job_stores_what_it_has_and_hands_back_the_rest(engine: Engine, first: Daemon, lab: Lab, gate: Gate) -> None:
    want_all(engine)
    launcher = to(engine, first)
    started = launcher.start(a_job(engine, "detail", lab))
    until(lambda: gate.passed > 15)
    launcher.cancel(started)
    until(lambda: "Closing spider" in first.log_of("detail", started.job_id))
    gate.opened.set()
    await_end(launcher, started)
    session = one(engine, "SELECT * FROM scraping_sessions")
    assert (session["status"], session["finish_reason"]) == ("cancelled", "shutdown")
    assert 0 < stored(engine) < len(NAMES)
    assert queued(engine) == {"completed": stored(engine), "pending": len(NAMES) - stored(engine)}


def test_finished_is_no_success(engine: Engine, first: Daemon, lab: Lab) -> None:
    want_all(engine)
    launcher = to(engine, first)
    started = launcher.start(a_job(engine, "detail", lab))
    until(lambda: is_at_work(engine))
    first.job_process(started.job_id).kill()
    await_end(launcher, started)
    assert first.node.state(started.job_id) == "finished"
    session = one(engine, "SELECT * FROM scraping_sessions")
    assert session["status"] == "running"
    in_transaction(engine, lambda connection: runs.bury(connection, [session["id"]]))
    assert scalar(engine, "SELECT finish_reason FROM scraping_sessions WHERE status = 'failed'") == "died"


def test_jobs_that_wait_and_the_orphans_of_a_run(engine: Engine, first: Daemon, lab: Lab) -> None:
    want_all(engine)
    launcher = to(engine, first)
    job = a_job(engine, "detail", lab)
    at_work = launcher.start(job)
    until(lambda: is_at_work(engine))
    waiting, _ = launcher.start(job), launcher.start(job)
    of_others = launcher.start(Job("manifest", PORTAL, uuid.uuid4(), 1, {"base_url": lab.base_url}))
    assert first.node.state(waiting.job_id) == "pending"
    assert launcher.is_running(waiting)
    launcher.cancel(waiting)
    assert not launcher.is_running(waiting)

    assert to(engine, first).kill_orphans(job.run_id) == 2
    await_end(launcher, at_work)
    assert first.node.open_jobs() == [of_others.job_id]
    launcher.kill(of_others)
    assert first.node.open_jobs() == []
    assert to(engine, first).kill_orphans(job.run_id) == 0
    assert scalar(engine, "SELECT count(*) FROM scraping_sessions") == 1


def refused(engine: Engine, job: Job, *urls: str) -> str:
    launcher = ScrapydLauncher(nodes_of(SecretStr(",".join(urls))), engine)
    with structlog.testing.capture_logs() as logged:
        started = launcher.start(job)
    assert not launcher.is_running(started)
    launcher.cancel(started)
    launcher.kill(started)
    words = launcher.last_words(started)
    assert "\n" not in words
    assert "wrong-secret" not in words + str(logged)
    return words


def test_a_node_that_refuses_says_why_in_one_line(engine: Engine, first: Daemon, start_node: StartNode, lab: Lab) -> None:
    job = a_job(engine, "manifest", lab, pages="1", scope="sale")
    away = f"http://127.0.0.1:{free_port('127.0.0.1')}/"
    empty = start_node("127.0.0.2", deployed=False)
    expected = f"{first.url}: wrong user name or password (401)"
    assert refused(engine, job, first.url_for(password="wrong-secret")) == expected
    assert refused(engine, job, f"http://{first.host}:{first.port}") == expected
    assert refused(engine, job, away) == f"{away}: cannot be reached: Connection refused"
    not_deployed = f"{empty.url}: project propspider is not deployed there: run scrapyd-deploy"
    assert refused(engine, job, empty.url_for()) == not_deployed
    assert refused(engine, Job("nobody", PORTAL, job.run_id, job.fence), first.url_for()) == (
        f"{first.url}: the deployed propspider has no spider 'nobody'"
    )
    assert refused(engine, job, lab.base_url) == f"{lab.base_url}/: answers 404, not as scrapyd does"
    assert refused(engine, job, away, empty.url_for()).endswith(not_deployed)
    passed_on = ScrapydLauncher(nodes_of(SecretStr(f"{away},{empty.url_for()},{first.url_for()}")), engine)
    assert passed_on.kill_orphans(job.run_id) == 0
    started = passed_on.start(job)
    await_end(passed_on, started)
    assert started.node == first.node
    assert scalar(engine, "SELECT status FROM scraping_sessions") == "completed"


def test_what_a_node_may_have_taken_is_given_to_no_other(engine: Engine, first: Daemon, lab: Lab) -> None:
    app = web.Application()
    app.router.add_post("/schedule.json", reset)
    with serve(app) as silent:
        (node,) = nodes_of(SecretStr(silent))
        launcher = ScrapydLauncher([node, first.node], engine)
        started = launcher.start(a_job(engine, "manifest", lab))
        assert started.node == node
        assert launcher.is_running(started)
        launcher.kill(started)
        assert "does not answer" in launcher.last_words(started)
    assert first.node.open_jobs() == []


def test_a_node_that_dies_in_mid_job_loses_nothing(
    engine: Engine, first: Daemon, start_node: StartNode, lab: Lab, gate: Gate
) -> None:
    want_all(engine)
    second = start_node("127.0.0.2")
    launcher = to(engine, second, first)
    job = a_job(engine, "detail", lab)
    started = launcher.start(job)
    assert started.node == second.node
    until(lambda: is_at_work(engine))
    second.kill_machine()
    lost = one(engine, "SELECT * FROM scraping_sessions")
    started.looked_at -= 60
    assert launcher.is_running(started)
    age(engine)
    await_end(launcher, started)
    launcher.kill(started)
    assert launcher.last_words(started) == f"{second.url}: cannot be reached: Connection refused"
    in_transaction(engine, lambda connection: runs.bury(connection, [lost["id"]]))
    before = stored(engine)
    assert 0 < before < len(NAMES)
    gate.opened.set()

    once_more = launcher.start(job)
    assert once_more.node == first.node
    await_end(launcher, once_more)
    assert set(column(engine, "SELECT property_id FROM properties_live")) == NAMES
    assert scalar(engine, "SELECT count(*) FROM property_changes WHERE change_type = 'created'") == len(NAMES)
    assert queued(engine) == {"completed": len(NAMES)}
    sessions: list[dict[str, Any]] = rows(engine, "SELECT * FROM scraping_sessions ORDER BY started_at")
    assert [(row["status"], row["finish_reason"]) for row in sessions] == [
        ("failed", "died"),
        ("completed", "finished"),
    ]
    assert [row["items_stored"] for row in sessions] == [before, len(NAMES) - before]
    assert scalar(engine, "SELECT properties_scraped FROM sync_runs") == len(NAMES)


def test_a_crawl_that_outlives_its_node_is_known_by_its_heartbeat(
    engine: Engine, start_node: StartNode, lab: Lab, gate: Gate
) -> None:
    want_all(engine)
    node = start_node("127.0.0.2")
    launcher = to(engine, node)
    started = launcher.start(a_job(engine, "detail", lab))
    until(lambda: is_at_work(engine))
    node.kill_daemon()
    started.looked_at -= 60
    assert launcher.is_running(started)
    gate.opened.set()
    await_end(launcher, started)
    session = one(engine, "SELECT * FROM scraping_sessions")
    assert (session["status"], session["items_stored"]) == ("completed", len(NAMES))
    assert started.troubles == [f"{node.url}: cannot be reached: Connection refused"]


def test_a_job_that_nobody_ever_heard_of_is_given_up(engine: Engine, lab: Lab) -> None:
    (away,) = nodes_of(SecretStr(f"http://127.0.0.1:{free_port('127.0.0.1')}"))
    job = a_job(engine, "manifest", lab)
    for silence_seconds, expected in ((600, True), (0, False)):
        launcher = ScrapydLauncher([away], engine, silence_seconds=silence_seconds)
        started = Started(job, "asked-and-never-answered", frozenset(), away, looked_at=float("-inf"))
        assert launcher.is_running(started) is expected
