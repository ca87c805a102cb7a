"""Tier 1 on scrapyd nodes, through the command line that a person types."""

import json
from collections.abc import Iterator

import psutil
import pytest
from sqlalchemy import Engine

from propspider.lab.world import World
from tests.builders import column, one, rows, run, scalar
from tests.spiders.served import Gate, Lab, laboratory
from tests.support.cluster import Cluster
from tests.tiers.running import command, start

from .conftest import StartNode
from .nodes import SECONDS, Daemon, until

WORLD, NEXT_DAY = World.create(30), World.create(60)


@pytest.fixture
def gate() -> Gate:
    return Gate(free=10_000)


@pytest.fixture
def lab(gate: Gate) -> Iterator[Lab]:
    with laboratory(WORLD, gate) as lab:
        yield lab


def at_work(nodes: tuple[Daemon, ...], spider: str) -> list[Daemon]:
    return [
        node
        for node in nodes
        if node.process.poll() is None
        for job in psutil.Process(node.process.pid).children()
        if job.cmdline()[3:5] == ["crawl", spider]
    ]


def test_tier_1_on_one_node_and_on_two_of_which_one_dies(
    engine: Engine, cluster: Cluster, nodes_database: str, start_node: StartNode, lab: Lab, gate: Gate
) -> None:
    url = cluster.url(nodes_database)
    first = start_node("127.0.0.1", PROPSPIDER_PORTALS__PINCALI__BASE_URL=lab.base_url)
    done = command("tier", "1", "--json", database_url=url, lab=lab, SCRAPYD_URL=first.url_for())
    assert done.code == 0, done.err + done.out
    result = json.loads(done.out)
    assert len(lab.asked("/home/")) == result["properties_scraped"] == scalar(engine, "SELECT count(*) FROM properties_live") > 0
    assert scalar(engine, "SELECT count(*) FROM scraping_sessions WHERE status <> 'completed'") == 0
    assert one(engine, "SELECT * FROM sync_runs")["status"] == "completed"

    lab.becomes(NEXT_DAY)
    second = start_node("127.0.0.2", PROPSPIDER_PORTALS__PINCALI__BASE_URL=lab.base_url)
    known = scalar(engine, "SELECT count(*) FROM properties_live")
    gate.free, gate.passed = 3, 0
    urls = f"{first.url_for()},{second.url_for()}"
    process = start("tier", "1", "--json", database_url=url, lab=lab, SCRAPYD_URL=urls)
    try:
        until(lambda: scalar(engine, "SELECT count(*) FROM properties_live") > known)
        (dies,) = at_work((first, second), "detail")
        dies.kill_machine()
        gate.opened.set()
        run(engine, "UPDATE scraping_sessions SET heartbeat_at = heartbeat_at - interval '1 hour' WHERE status = 'running'")
        run(engine, "UPDATE scrape_queue SET lease_until = clock_timestamp() - interval '1 s' WHERE status = 'in_progress'")
        out, err = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert process.returncode == 0, err + out
    result = json.loads(out)
    last = one(engine, "SELECT * FROM sync_runs ORDER BY started_at DESC LIMIT 1")
    assert (last["status"], last["properties_scraped"]) == ("completed", result["properties_scraped"])
    of_run = rows(engine, "SELECT * FROM scraping_sessions WHERE sync_run_id = :id AND spider = 'detail'", id=last["id"])
    assert sorted(row["finish_reason"] for row in of_run) == ["died", "finished"]
    assert sum(row["items_stored"] for row in of_run) == last["properties_scraped"]
    live = column(engine, "SELECT property_id FROM properties_live")
    assert set(live) == set(column(engine, "SELECT property_id FROM property_manifest"))
    assert scalar(engine, "SELECT count(*) FROM property_changes WHERE change_type = 'created'") == len(live)
    queued = rows(engine, "SELECT status, count(*) AS n FROM scrape_queue GROUP BY 1")
    assert queued == [{"status": "completed", "n": known + last["properties_scraped"]}]
