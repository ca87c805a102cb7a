from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from propspider.db.engine import create_engine, get_engine

from .conveyor import Pipeline


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def pipeline(engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """All four pipelines of a detail crawl on this test's database, without a crawl."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    get_engine.cache_clear()
    yield Pipeline(engine)
    get_engine().dispose()
    get_engine.cache_clear()
