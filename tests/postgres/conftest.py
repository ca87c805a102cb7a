from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from propspider.db.engine import create_engine
from propspider.db.migrate import upgrade
from tests.postgres.servers import NO_FIFTEEN, NO_POOLER, Pooler, Server, fifteen, own_pooler, own_server, pgbouncer
from tests.support.cluster import Cluster, role_on


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def fifteen_server() -> Iterator[Server]:
    bin_dir = fifteen()
    if bin_dir is None:
        pytest.skip(NO_FIFTEEN)
    with own_server(bin_dir) as server:
        yield server


@pytest.fixture(scope="module")
def fifteen_cluster(fifteen_server: Server) -> Iterator[Cluster]:
    with role_on(fifteen_server.url) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def stoppable() -> Iterator[Server]:
    """A server that a test may stop; it starts it again."""
    with own_server() as server:
        yield server


@pytest.fixture
def stoppable_url(stoppable: Server) -> Iterator[str]:
    """A migrated database on it."""
    with role_on(stoppable.url) as cluster, cluster.database() as url:
        upgrade(url)
        yield url


@pytest.fixture
def pooler(stoppable: Server, stoppable_url: str) -> Iterator[Pooler]:
    if pgbouncer() is None:
        pytest.skip(NO_POOLER)
    user = stoppable_url.partition("://")[2].partition(":")[0]
    with own_pooler(stoppable, stoppable_url, user) as pooler:
        yield pooler
