from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from propspider.db.engine import create_engine
from tests.builders import item, run

from .steps import flush_items
from .sweeps import DAY, sweep


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def missing(engine: Engine) -> None:
    """Listing 1 of two was missed by two complete sweeps."""
    sweep(engine, 0, sale=[1, 2], rent=[])
    flush_items(engine, item(1, minute=10), item(2, minute=10))
    run(engine, "DELETE FROM scrape_queue")
    sweep(engine, DAY, sale=[2], rent=[])
    sweep(engine, 2 * DAY, sale=[2], rent=[])
