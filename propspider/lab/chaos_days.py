"""Many days of chaos, a few at a time, each worker on a server of its own."""

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from propspider.lab.chaos import Outcome, Stopped, run_day
from propspider.lab.chaos_ground import ground


def run_days(seeds: Sequence[int], *, workers: int, pg_bin: Path | None = None) -> Iterator[Outcome]:
    """In the order in which they end. Whoever does not want to hear all of them ends the days that are under way, with all their
    processes. Raises as run_day.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    ended: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
    over = threading.Event()
    for seed in seeds:
        waiting.put(seed)

    def work() -> None:
        try:
            with ground(pg_bin) as where, suppress(queue.Empty):
                while not over.is_set():
                    ended.put(run_day(where, waiting.get_nowait(), over.is_set))
        except Stopped:
            return
        except BaseException as error:
            # Raised again in the thread that waits for it.
            ended.put(error)

    threads = [threading.Thread(target=work, name=f"propspider-day-{n}", daemon=True) for n in range(min(workers, len(seeds)))]
    for thread in threads:
        thread.start()
    try:
        for _ in seeds:
            outcome = ended.get()
            if isinstance(outcome, BaseException):
                raise outcome
            yield outcome
    finally:
        over.set()
        for thread in threads:
            thread.join()
