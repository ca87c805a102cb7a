from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Engine

from propspider.db.engine import create_engine
from tests.support.cluster import Cluster

from .nodes import Daemon, copy_of_the_project, daemon, deploy, scrapyd_deploy


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_the_project(tmp_path_factory.mktemp("deployed") / "project")


@pytest.fixture(scope="session")
def egg(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    egg = home / "propspider.egg"
    scrapyd_deploy(project, home, "--build-egg", str(egg))
    return egg


StartNode = Callable[..., Daemon]


@pytest.fixture(scope="module")
def nodes_database(cluster: Cluster, template_database: str) -> Iterator[str]:
    """Its name: a node has one DATABASE_URL for life, so each test gets a fresh database of the same name."""
    name = f"test_{cluster.run}_nodes"
    yield name
    cluster.drop(name)


@pytest.fixture(scope="module")
def _start_node(
    cluster: Cluster, nodes_database: str, tmp_path_factory: pytest.TempPathFactory, project: Path, egg: Path
) -> Iterator[StartNode]:
    with ExitStack() as running:

        def start(host: str, *, deployed: bool = True, **environment: str) -> Daemon:
            folder = tmp_path_factory.mktemp("node")
            started = running.enter_context(
                daemon(
                    folder,
                    host,
                    DATABASE_URL=cluster.url(nodes_database),
                    PROPSPIDER_STATE_DIR=str(folder / "state"),
                    PROPSPIDER_ALLOW_PRIVATE="1",
                    PROPSPIDER_PORTALS__PINCALI__DELAY_SECONDS="0",
                    **environment,
                )
            )
            if deployed:
                deploy(project, started, egg)
            return started

        yield start


@pytest.fixture(scope="module")
def first(_start_node: StartNode) -> Daemon:
    """The node of all tests of a module; others start their own for what it must survive."""
    return _start_node("127.0.0.1")


@pytest.fixture
def start_node(_start_node: StartNode) -> Iterator[StartNode]:
    started: list[Daemon] = []

    def start(host: str, *, deployed: bool = True, **environment: str) -> Daemon:
        started.append(_start_node(host, deployed=deployed, **environment))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.kill_machine()


@pytest.fixture
def engine(cluster: Cluster, nodes_database: str, template_database: str) -> Iterator[Engine]:
    cluster.drop(nodes_database)
    cluster.create(nodes_database, template_database)
    engine = create_engine(cluster.url(nodes_database))
    yield engine
    engine.dispose()
