"""A living portal that stands for itself: its time passes with the real one, faster."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta

from propspider import clock
from propspider.lab import parameters
from propspider.lab.faults import Fault, Faults
from propspider.lab.life import Life
from propspider.lab.scenario import Scenario
from propspider.lab.server import create_app
from propspider.lab.serving import serve

DAYS = 120.0


@contextmanager
def serve_living(scenario: Scenario, *, port: int, speed: float) -> Iterator[str]:
    """Yields the base URL, on another port where this one is taken. `speed` in simulated seconds a second; nothing happens any
    more after 120 simulated days. Faults count from the beginning.
    """
    start = clock.now()

    def now() -> datetime:
        return start + timedelta(seconds=speed * (clock.now() - start).total_seconds())

    known = parameters.read(scenario.world)
    life = Life(known, listings=scenario.listings, seed=scenario.seed, start=start, days=DAYS)
    faults = Faults([Fault.parse(text) for text in scenario.faults], seed=scenario.seed, now=now, start=start)
    app = create_app(life, page_cap=scenario.scale.depth_cap, now=now, faults=faults)
    with ExitStack() as stack:
        try:
            base_url = stack.enter_context(serve(app, port=port))
        except OSError:
            base_url = stack.enter_context(serve(app))
        yield base_url
