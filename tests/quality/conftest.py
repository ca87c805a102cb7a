from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from propspider.db.engine import create_engine


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()
