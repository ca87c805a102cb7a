"""Promotion beside the least that could be done with the same records, and beside what one would write first."""

import gc
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, Engine, TextClause, text

from benchmarks import orm
from benchmarks.ground import PORTAL, Ground, maintain, seconds
from benchmarks.listings import Listings, claimed
from benchmarks.need import claim
from benchmarks.rows import Row, paired
from propspider.items import PropertyItem
from propspider.sync import queue, runs
from propspider.sync.promote import promote
from propspider.sync.queue import Want
from propspider.sync.runs import SessionRef
from propspider.sync.staging import stage

ROUNDS = 5
KNOWN, KNOWN_LARGE = 20_000, 100_000
RECORDS = 3000
SMALL_RECORDS = 300
OF_INSERT, OF_ORM, SMALL_OF_ORM = 0.12, 30.0, 4.0
TABLES = ("properties_live", "property_state", "property_offers", "property_scrapes_staging", "property_changes", "scrape_queue")


def rows(ground: Ground) -> Iterator[Row]:
    known = KNOWN_LARGE if ground.large else KNOWN
    ground.say(f"{known:,} live rows")
    with ground.engine("bench_promotion") as engine:
        listings = Listings()
        for _ in range(known // 1000):
            _promote(engine, _session(engine), listings.first(1000), 1000)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE bare (LIKE property_scrapes_staging)"))
        maintain(engine, *TABLES)
        # The listings that the benchmark remembers are its own: a garbage collector that walks over all of them in the middle
        # of a round measures nothing of either side.
        gc.freeze()
        rates = []
        for turn in range(ROUNDS):
            ground.say(f"promotion, round {turn + 1} of {ROUNDS}")
            rates.append(_round(engine, listings))
            maintain(engine, *TABLES)
        gc.unfreeze()
    share = f"70 % unchanged, 20 % changed, 10 % new, of {known:,} live rows"
    yield paired(
        "promotion by 1,000 / INSERT ... SELECT",
        [(large, insert) for large, insert, _, _ in rates],
        target=OF_INSERT,
        better="higher",
        measure="records/s",
        against="records/s, staged copy into a bare table",
        note=f"{share}; ours is given items, not staged rows, and settles their queue rows",
    )
    yield paired(
        "promotion by 1,000 / ORM, a transaction a record",
        [(large, one) for large, _, _, one in rates],
        target=OF_ORM,
        better="higher",
        measure="records/s",
        against="records/s",
        note=f"{share}; the ORM's version keeps no offers and has no gates",
    )
    yield paired(
        "promotion by 10 / ORM, a transaction a record",
        [(small, one) for _, _, small, one in rates],
        target=SMALL_OF_ORM,
        better="higher",
        measure="records/s",
        against="records/s",
        note=f"{share}; the flush of a detail spider at a polite pace",
    )


def _round(engine: Engine, listings: Listings) -> tuple[float, float, float, float]:
    """Records/s of promotion by 1,000, of INSERT ... SELECT, of promotion by 10, of the ORM."""
    session = _session(engine)
    items = _claimed(engine, listings.reading(RECORDS))
    large = seconds(lambda: _promote(engine, session, items, 1000))
    insert = _insert_select(engine, items)
    few = _claimed(engine, listings.reading(SMALL_RECORDS))
    session = _session(engine)
    small = seconds(lambda: _promote(engine, session, few, 10))
    single = _claimed(engine, listings.reading(SMALL_RECORDS))
    session = _session(engine)
    one = seconds(lambda: _one_by_one(engine, session, single))
    return RECORDS / large, RECORDS / insert, SMALL_RECORDS / small, SMALL_RECORDS / one


def _session(engine: Engine) -> SessionRef:
    with engine.begin() as connection:
        return runs.open_session(
            connection, portal=PORTAL, spider="detail", arguments={}, base_url="https://www.pincali.com", parser_version="0" * 12
        )


def _claimed(engine: Engine, items: list[PropertyItem]) -> list[PropertyItem]:
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE scrape_queue"))
        queue.enqueue(connection, PORTAL, [Want(item.property_id, item.source_url, "stale_data") for item in items])
        claims = {row.claim.property_id: row.claim for row in claim(connection, len(items))}
    maintain(engine, "scrape_queue")
    return claimed(items, claims)


def _promote(engine: Engine, session: SessionRef, items: Sequence[PropertyItem], size: int) -> None:
    stored = 0
    with engine.connect() as connection:
        for start in range(0, len(items), size):
            stored += promote(connection, session, items[start : start + size]).stored
            connection.commit()
    if stored != len(items):
        raise RuntimeError(f"{stored} of {len(items)} records were stored")


def _one_by_one(engine: Engine, session: SessionRef, items: Sequence[PropertyItem]) -> None:
    for item in items:
        orm.store(engine, session, item)


def _insert_select(engine: Engine, items: Sequence[PropertyItem]) -> float:
    """Seconds for the same records, all of them staged before, by 1,000 as well."""
    session = _session(engine)
    with engine.begin() as connection:
        stage(connection, session, items, {item.property_id: "updated" for item in items})
        connection.execute(
            text(
                "CREATE TABLE staged AS SELECT s.*, (row_number() OVER (ORDER BY id) - 1) / 1000 AS batch"
                " FROM property_scrapes_staging s WHERE session_id = :session"
            ),
            {"session": session.id},
        )
        connection.execute(text("DELETE FROM property_scrapes_staging WHERE session_id = :session"), {"session": session.id})
        connection.execute(text("CREATE INDEX ON staged (batch)"))
        connection.execute(text("ANALYZE staged"))
        columns = connection.execute(
            text(
                "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute"
                " WHERE attrelid = 'bare'::regclass AND attnum > 0"
            )
        ).scalar_one()
        batches = connection.execute(text("SELECT DISTINCT batch FROM staged ORDER BY 1")).scalars().all()
    insert = text(f"INSERT INTO bare ({columns}) SELECT {columns} FROM staged WHERE batch = :batch")  # noqa: S608 - column names
    with engine.connect() as connection:
        taken = seconds(lambda: _insert(connection, insert, batches))
        connection.execute(text("DROP TABLE staged"))
        connection.execute(text("TRUNCATE bare"))
        connection.commit()
    return taken


def _insert(connection: Connection, insert: TextClause, batches: Sequence[int]) -> None:
    for batch in batches:
        connection.execute(insert, {"batch": batch})
        connection.commit()
