"""One transaction each, as the pipeline and the spider make them."""

from sqlalchemy import Engine

from propspider.items import ManifestPage, PropertyItem
from propspider.sync import queue
from propspider.sync.arrivals import record_pages
from propspider.sync.promote import promote
from propspider.sync.queue import QueuedProperty
from propspider.sync.runs import Counts
from tests.builders import PORTAL, new_session


def flush_pages(engine: Engine, *pages: ManifestPage) -> Counts:
    session = new_session(engine)
    with engine.begin() as connection:
        return record_pages(connection, session, pages, pages_wanted=0)


def flush_items(engine: Engine, *items: PropertyItem) -> Counts:
    session = new_session(engine, "detail")
    with engine.begin() as connection:
        return promote(connection, session, items)


def claim(engine: Engine, *, batch: int = 10) -> list[QueuedProperty]:
    session = new_session(engine, "detail")
    with engine.begin() as connection:
        return queue.claim(connection, PORTAL, batch=batch, worker="test", session_id=session.id, lease_seconds=600)
