"""The queue beside two libraries that keep one in Postgres. Claim and complete only; nobody does any work."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec

from sqlalchemy import Connection, text

from benchmarks.ground import PORTAL, Ground, maintain, seconds
from benchmarks.libraries import Pgqueuer, Procrastinate, installed_by
from benchmarks.need import claim
from benchmarks.rows import Row, not_measured, paired
from propspider.sync import queue
from propspider.sync.queue import Want

ROUNDS = 5
JOBS = 2000
BATCH = 200
LIBRARIES = ((Procrastinate, 20.0), (Pgqueuer, 1.2))


def rows(ground: Ground) -> Iterator[Row]:
    for library, target in LIBRARIES:
        name = f"queue: claim and complete by {BATCH} / {library.name} {library.how}"
        if find_spec(library.name) is None:
            yield not_measured(name, installed_by(library.name), target=target, better="higher")
            continue
        ground.say(f"{JOBS:,} jobs through the queue and through {library.name}, {ROUNDS} rounds")
        with (
            ground.engine("bench_queue") as engine,
            ground.database(f"bench_{library.name}", tables=False) as url,
            engine.connect() as connection,
            library(url) as other,
        ):
            other.fill(JOBS)
            other.drain(JOBS)  # connections, prepared statements
            pairs = []
            for _ in range(ROUNDS):
                _fill(connection)
                maintain(engine, "scrape_queue")
                ours = seconds(lambda: _drain(connection))
                other.fill(JOBS)
                pairs.append((JOBS / ours, JOBS / other.drain(JOBS)))
        yield paired(name, pairs, target=target, better="higher", measure="jobs/s", against="jobs/s", note=library.note)


def _fill(connection: Connection) -> None:
    connection.execute(text("TRUNCATE scrape_queue"))
    wants: Sequence[Want] = [
        Want(f"pincali:EB-Q{number}", f"https://www.pincali.com/en/home/house-number-{number}", "new_property")
        for number in range(JOBS)
    ]
    queue.enqueue(connection, PORTAL, wants)
    connection.commit()


def _drain(connection: Connection) -> None:
    done = 0
    while rows := claim(connection, BATCH):
        connection.commit()
        now = datetime.now(UTC)
        done += len(queue.complete(connection, [(row.claim, now) for row in rows]))
        connection.commit()
    if done != JOBS:
        raise RuntimeError(f"{done} of {JOBS} jobs were completed")
