"""The daemon: runs every tier of every portal at its time. Start it twice and the second one stands by.

    python scheduler.py

SIGTERM or Ctrl-C: what runs is stored and handed back, the next daemon goes on at the same step.
"""

import signal
import sys
import time

import typer
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import Engine

from propspider import clock, config, logs
from propspider.commands.errors import one_line
from propspider.db.engine import open_engine
from propspider.sync.leases import Lease
from propspider.tiers import daemon
from propspider.tiers.running import Stop
from propspider.tiers.scrapyd import launcher

asked = {"stop": Stop.NO}


def lead(engine: Engine, lease: Lease, configured: daemon.Configured, settings: config.Config) -> None:
    """Until asked to stop, or until another leads."""
    lost = False
    scheduler = BackgroundScheduler(daemon.workers(configured), timezone="UTC")
    stop = lambda: Stop.HAND_BACK if lost else asked["stop"]  # noqa: E731
    crawls = launcher(settings.scrapyd_url, engine)
    daemon.Duty(engine, configured, crawls, scheduler, stop, settings.patience).declare()
    scheduler.start()
    beaten = time.monotonic()
    while asked["stop"] is Stop.NO and not lost:
        clock.wait(daemon.LOOK_SECONDS)
        if time.monotonic() - beaten >= lease.ttl_seconds / daemon.BEATS:
            lost, beaten = not daemon.beat(engine, lease), time.monotonic()
    scheduler.shutdown(wait=True)


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: asked.update(stop=Stop.HAND_BACK))
    signal.signal(signal.SIGINT, lambda *_: asked.update(stop=Stop.HAND_BACK))
    try:
        with one_line():
            settings = config.load()
            clock.follow(settings.clock)
            configured = daemon.configured(settings)
            engine = open_engine(settings)
    except typer.Exit as failed:
        return failed.exit_code
    logs.configure(settings)
    while (lease := daemon.await_leadership(engine, lambda: asked["stop"], ttl_seconds=settings.patience.run_lease)) is not None:
        try:
            lead(engine, lease, configured, settings)
        finally:
            daemon.resign(engine, lease)
    engine.dispose()
    return 0


if __name__ == "__main__":
    sys.exit(main())
