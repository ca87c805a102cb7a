"""No pair is met by comparing every listing with every other: each plan goes by keys, for one listing and for all."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from propspider.db.engine import create_engine
from propspider.quality.duplicates import CROWD, statement
from propspider.quality.duplicates.pairs import candidates
from propspider.quality.duplicates.refresh import lock, rebuild
from tests.support.cluster import Cluster

LISTINGS = 6000

_MANY = """
INSERT INTO properties_live (property_id, portal, source_url, title, property_type, address, city, latitude, longitude,
                             total_area_m2, bedrooms, offers, first_seen_at, scraped_at)
SELECT 'pincali:' || g, 'pincali', 'https://www.pincali.com/en/home/' || g, 'House', 'house',
       'Calle ' || chr(97 + g % 20) || 'mina ' || g % 700 || ', Col. Centro', 'Puebla',
       19 + (g * 7919 % 10007) / 100070.0, -98 + (g * 104729 % 10007) / 100070.0, 60 + g % 300, 1 + g % 4,
       jsonb_build_array(jsonb_build_object('operation', 'sale', 'amount', 500000 + (g * 31337 % 9001) * 1000, 'currency', 'MXN',
                                            'unit', 'total')),
       now(), now()
FROM generate_series(1, :count) g
"""

# Enough of everything else that a plan reads, so that it is read by its index.
_MORE = (
    "INSERT INTO property_state (property_id, portal) SELECT 'pincali:' || g, 'pincali' FROM generate_series(1, :count) g",
    """INSERT INTO duplicate_edges (property_a, property_b, score, reasons)
       SELECT 'pincali:' || g, 'pincali:' || g || 'x', 7, '{}' FROM generate_series(1, :count) g""",
    "INSERT INTO property_groups SELECT 'pincali:' || g FROM generate_series(1, :count) g ON CONFLICT DO NOTHING",
    """INSERT INTO property_group_members SELECT 'pincali:' || g, 'pincali:' || g FROM generate_series(1, :count) g
       ON CONFLICT DO NOTHING""",
)


@pytest.fixture(scope="module")
def many(cluster: Cluster, template_database: str) -> Iterator[Engine]:
    with cluster.database(template_database) as url:
        engine = create_engine(url)
        _fill(engine)
        yield engine
        engine.dispose()


def _fill(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text(_MANY), {"count": LISTINGS})
    rebuild(engine)
    with engine.begin() as connection:
        for more in _MORE:
            connection.execute(text(more), {"count": LISTINGS})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE)"))


def plan(connection: Connection, name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """As the statement would be run, with these values."""
    lock(connection)
    explained = connection.execute(text(f"EXPLAIN (FORMAT JSON) {statement(name).text}"), parameters).scalar_one()
    document = explained if isinstance(explained, list) else json.loads(explained)
    root: dict[str, Any] = document[0]["Plan"]
    return root


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from nodes(below)


def inner_scans(node: dict[str, Any]) -> list[dict[str, Any]]:
    """What is read again for each row of a nested loop's outer side."""
    inner = node["Plans"][1]
    return [scan for scan in nodes(inner) if scan["Node Type"].endswith("Scan") and "Plans" not in scan]


def unguarded(root: dict[str, Any]) -> list[dict[str, Any]]:
    """Scans inside of nested loops that neither look up by an index nor read constants."""
    return [
        scan
        for node in nodes(root)
        if node["Node Type"] == "Nested Loop"
        for scan in inner_scans(node)
        if "Index Cond" not in scan and scan["Node Type"] not in {"Values Scan", "Bitmap Heap Scan"}
    ]


def ids(connection: Connection) -> list[str]:
    return list(connection.execute(text("SELECT property_id FROM properties_live ORDER BY 1")).scalars())


def test_the_guard_sees_a_cross_join(many: Engine) -> None:
    crossed = (
        "EXPLAIN (FORMAT JSON) SELECT FROM duplicate_features a JOIN duplicate_features b ON similarity(a.street, b.street) > 0.9"
    )
    with many.connect() as connection:
        (document,) = connection.execute(text(crossed)).scalar_one()
    assert unguarded(document["Plan"]) != []


@pytest.mark.parametrize("are_all", [False, True])
def test_candidates_are_met_by_their_keys(many: Engine, are_all: bool) -> None:
    with many.connect() as connection:
        wanted = ids(connection) if are_all else ids(connection)[:3]
        root = plan(connection, "pairs_candidates", {"property_ids": wanted, "is_all": are_all, "crowd": CROWD})
    assert unguarded(root) == []
    joins = [node for node in nodes(root) if node["Node Type"] in {"Hash Join", "Merge Join", "Nested Loop"}]
    assert joins
    if not are_all:
        assert [node for node in nodes(root) if node["Node Type"] == "Seq Scan"] == []


@pytest.mark.parametrize("count", [3, 5000])
def test_pairs_are_scored_by_looking_up_their_listings(many: Engine, count: int) -> None:
    with many.connect() as connection:
        pairs = candidates(connection, ids(connection), are_all=True)[:count]
        assert len(pairs) >= min(count, 500)
        parameters = {"first_ids": [one for one, _ in pairs], "second_ids": [other for _, other in pairs], "floor": None}
        assert unguarded(plan(connection, "pairs_score", parameters)) == []


def test_a_group_is_reached_by_indexes(many: Engine) -> None:
    with many.connect() as connection:
        root = plan(connection, "groups_reach", {"property_ids": ids(connection)[:1], "automatic": 6.0})
    scans = {node["Relation Name"] for node in nodes(root) if node["Node Type"] == "Seq Scan"}
    # Nobody has decided anything here, and an empty table is read as it is.
    assert scans <= {"duplicate_decisions"}
