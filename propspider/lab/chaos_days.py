"""Many days of chaos, a few at a time, each worker on a server of its own."""

import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from propspider.lab.chaos import Outcome, Stopped, run_day
from propspider.lab.chaos_ground import ground


def run_days(seeds: Sequence[int], *, workers: int, pg_bin: Path | None = None) -> Iterator[Outcome]:
    """In the order in which they end. Whoever does not want to hear all of them ends the days that are under way, with all their
    processes. Raises as run_day.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    heard: queue.SimpleQueue[Outcome | Future[None]] = queue.SimpleQueue()
    over = threading.Event()
    for seed in seeds:
        waiting.put(seed)

    def work() -> None:
        with ground(pg_bin) as where, suppress(queue.Empty, Stopped):
            while not over.is_set():
                heard.put(run_day(where, waiting.get_nowait(), over.is_set))

    at_work = min(workers, len(seeds))
    with ThreadPoolExecutor(at_work, thread_name_prefix="propspider-day") as pool:
        for _ in range(at_work):
            pool.submit(work).add_done_callback(heard.put)
        try:
            while at_work:
                what = heard.get()
                if isinstance(what, Outcome):
                    yield what
                else:
                    what.result()
                    at_work -= 1
        finally:
            over.set()
