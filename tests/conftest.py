"""One PostgreSQL server a run, one database a test, and an environment without anybody's settings."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import URL_VARIABLE, Cluster, running_cluster
from tests.support.scratch import scratch_directory, sweep

CLUSTER = pytest.StashKey[Cluster]()
OPEN = pytest.StashKey[ExitStack]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[OPEN] = ExitStack()
    if not hasattr(config, "workerinput"):
        sweep()


def pytest_unconfigure(config: pytest.Config) -> None:
    if OPEN in config.stash:
        config.stash[OPEN].close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """pytest-xdist: the controller's server serves all workers."""
    node.workerinput["propspider_cluster"] = asdict(_started(node.config))


def _started(config: pytest.Config) -> Cluster:
    if CLUSTER not in config.stash:
        config.stash[CLUSTER] = config.stash[OPEN].enter_context(running_cluster())
    return config.stash[CLUSTER]


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Cluster:
    given = getattr(pytestconfig, "workerinput", None)
    return Cluster(**given["propspider_cluster"]) if given else _started(pytestconfig)


@pytest.fixture(scope="session")
def template_database(cluster: Cluster) -> str:
    """Name of a migrated database that nobody can connect to."""
    from propspider.db.migrate import upgrade

    return cluster.migrated_template(upgrade)


@pytest.fixture
def database_url(cluster: Cluster, template_database: str) -> Iterator[str]:
    """A fresh migrated database, as its owner, who is not a superuser."""
    with cluster.database(template_database) as url:
        yield url


@pytest.fixture
def empty_database_url(cluster: Cluster) -> Iterator[str]:
    """A fresh database without any table of ours."""
    with cluster.database() as url:
        yield url


@pytest.fixture(scope="session")
def state_dir() -> Iterator[Path]:
    """PROPSPIDER_STATE_DIR of all tests; an embedded server that starts in it is killed at the end."""
    with scratch_directory() as root:
        yield root / "state"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, state_dir: Path) -> None:
    for name in os.environ:
        if name.startswith(("PROPSPIDER_", "DATABASE_", "TIER_", "SCRAPYD_")) and name != URL_VARIABLE:
            monkeypatch.delenv(name)
    monkeypatch.setenv("PROPSPIDER_STATE_DIR", str(state_dir))


@pytest.fixture(scope="session")
def shared_real() -> Path:
    """Pages captured from real portals. They are not part of the project."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "real"
    if not folder.is_dir():
        pytest.skip(f"no captured pages at {folder}")
    return folder
