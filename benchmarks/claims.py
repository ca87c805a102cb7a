"""What a claim takes: with little and with much in need, and while somebody holds an old snapshot."""

from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter

from sqlalchemy import Engine, text

from benchmarks.ground import PORTAL, Ground, maintain
from benchmarks.need import claim_seconds, put_in_need, refill, settle
from benchmarks.rows import Row, paired
from propspider.sync import queue

ROUNDS = 5
SNAPSHOT_ROUNDS = 3
BATCH = 50
CLAIMS = 30
LITTLE = 10_000
MUCH, MUCH_LARGE = 200_000, 1_000_000
SETTLED, SETTLED_LARGE = 20_000, 100_000
GROWTH, SNAPSHOT, TOP_UP = 2.5, 5.0, 10.0


def rows(ground: Ground) -> Iterator[Row]:
    much = MUCH_LARGE if ground.large else MUCH
    with ground.engine("bench_need_little") as little, ground.engine("bench_need_much") as great:
        ground.say(f"{LITTLE:,} and {much:,} listings in need")
        put_in_need(little, LITTLE)
        put_in_need(great, much)
        claims: list[tuple[float, float]] = []
        top_ups: list[tuple[float, float]] = []
        refills: list[tuple[float, float]] = []
        for turn in range(ROUNDS):
            ground.say(f"claims, round {turn + 1} of {ROUNDS}")
            full = _top_up_milliseconds(great)
            in_great = _claim_milliseconds(great)
            in_little = _claim_milliseconds(little)
            claims.append((in_great, in_little))
            top_ups.append((full, in_great))
            refills.append((_refill_milliseconds(great), in_great))
            # Settled listings are no longer in need: the little one is made anew.
            _forget(little)
            refill(little)
            refill(great)
        yield paired(
            f"claim of {BATCH}: {much:,} in need / {LITTLE:,}",
            claims,
            target=GROWTH,
            better="lower",
            measure="ms",
            against="ms",
            note="p50, the commit not included; the window is at its ceiling in both",
        )
        yield paired(
            f"top_up with a full window, {much:,} in need / claim",
            top_ups,
            target=TOP_UP,
            better="lower",
            measure="ms",
            against=f"ms, claim of {BATCH}",
            note="what every flush of listing pages pays when there is nothing to add",
        )
        yield paired(
            f"top_up of {BATCH * CLAIMS:,} rows, {much:,} in need / claim",
            refills,
            target=BATCH * CLAIMS / BATCH * 2.0,
            better="lower",
            measure="ms",
            against=f"ms, claim of {BATCH}",
            note=f"refills what {CLAIMS} claims took; at most twice what those claims took together",
        )
        yield _behind_a_snapshot(ground, great)


def _behind_a_snapshot(ground: Ground, engine: Engine) -> Row:
    settled = SETTLED_LARGE if ground.large else SETTLED
    pairs = []
    for turn in range(SNAPSHOT_ROUNDS):
        ground.say(f"{settled:,} listings settled behind a held snapshot, round {turn + 1} of {SNAPSHOT_ROUNDS}")
        refill(engine)
        fresh = _claim_milliseconds(engine)
        with _held_snapshot(engine):
            settle(engine, settled)
            pairs.append((_claim_milliseconds(engine), fresh))
    return paired(
        f"claim of {BATCH}: {settled:,} settled behind a held snapshot / fresh",
        pairs,
        target=SNAPSHOT,
        better="lower",
        measure="ms",
        against="ms",
        note="p50; a REPEATABLE READ transaction, as of pg_dump, is open all the while",
    )


@contextmanager
def _held_snapshot(engine: Engine) -> Iterator[None]:
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        connection.execute(text("SET idle_in_transaction_session_timeout = 0"))
        connection.execute(text("SELECT count(*) FROM sync_runs"))
        yield
        connection.rollback()
    maintain(engine, "scrape_queue", "property_state")


def _claim_milliseconds(engine: Engine) -> float:
    return 1000 * median(claim_seconds(engine, batch=BATCH, times=CLAIMS))


def _top_up_milliseconds(engine: Engine) -> float:
    taken = []
    with engine.connect() as connection:
        for _ in range(CLAIMS):
            started = perf_counter()
            added = queue.top_up(connection, PORTAL)
            taken.append(perf_counter() - started)
            connection.rollback()
            if added:
                raise RuntimeError("the window was not full")
    return 1000 * median(taken)


def _refill_milliseconds(engine: Engine) -> float:
    with engine.begin() as connection:
        started = perf_counter()
        added = queue.top_up(connection, PORTAL)
        taken = perf_counter() - started
    if added != BATCH * CLAIMS:
        raise RuntimeError(f"the window took {added} rows")
    return 1000 * taken


def _forget(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE property_state SET observed_at = NULL WHERE observed_at IS NOT NULL"))
    maintain(engine, "property_state")
