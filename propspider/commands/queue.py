"""The window of detail pages to fetch."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from propspider.commands.output import AsJson, OfPortal, connected, console, duration, facts, opened, print_json, say, table

if TYPE_CHECKING:
    from propspider.sync.queue import QueueStats

app = typer.Typer(no_args_is_help=True, help="What waits to be fetched.")


@app.command()
def stats(portal: OfPortal = None, as_json: AsJson = False) -> None:
    """What waits, by priority and reason, and what was settled since midnight UTC."""
    from propspider.portals import load
    from propspider.sync import queue

    if portal is not None:
        load(portal)
    with connected() as connection:
        found = queue.stats(connection, portal)
    if as_json:
        print_json(found)
        return
    screen = console()
    screen.print(
        facts(
            [
                ("pending", found.pending_count),
                ("of these backed off", found.backed_off),
                ("in progress", found.in_progress_count),
                ("completed today", found.completed_today),
                ("failed today", found.failed_today),
                ("dead letters", found.dead_letters),
                ("oldest wait", duration(found.oldest_wait_seconds)),
            ]
        )
    )
    if found.pending_count:
        screen.print(table(("priority", "pending"), [(str(priority), rows) for priority, rows in found.by_priority.items()]))
        screen.print(table(("reason", "pending"), found.by_reason.items()))


@app.command()
def process(
    count: Annotated[int, typer.Argument(metavar="N", min=0, help="Most pages to fetch; 0 = until the queue is empty.")],
    portal: OfPortal = None,
    base_url: Annotated[str | None, typer.Option("--base-url", help="Fetch the portal's pages from here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the detail spider on the next N listings of one portal."""
    from propspider.commands.progress import Crawl, child_environment, run
    from propspider.config import load
    from propspider.spiders.detail import DetailSpider
    from propspider.sync import overview, queue

    arguments: dict[str, str | int] = {"limit": count}
    arguments |= {name: value for name, value in (("portal", portal), ("base_url", base_url)) if value is not None}
    config = load()
    _, chosen, _ = DetailSpider.resolve(dict(arguments), config)
    with opened(config) as engine:
        with engine.connect() as connection:
            waiting = ready(queue.stats(connection, chosen.name))
        expected = min(count, waiting) if count else waiting
        finished = run(Crawl("detail", chosen, arguments, child_environment(), expected), engine)
        with engine.connect() as connection:
            sessions = overview.session_reports(connection, [finished.session_id] if finished.session_id else [])
    for line in finished.complaints:
        say(line, stderr=True)
    if as_json:
        print_json(sessions[0] if sessions else None)
    raise typer.Exit(finished.exit_code)


@app.command()
def requeue(
    portal: OfPortal = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.")] = None,
    as_json: AsJson = False,
) -> None:
    """Give dead letters a new start."""
    from propspider.db.transactions import in_transaction
    from propspider.portals import load
    from propspider.sync import queue

    if portal is not None:
        load(portal)
    with opened() as engine:
        revived = in_transaction(engine, lambda connection: queue.requeue(connection, portal, limit=limit))
    if as_json:
        print_json({"requeued": revived})
    else:
        say(f"requeued {revived:,}")


@app.command()
def cleanup(
    days: Annotated[int, typer.Option("--days", min=0, help="Delete what was settled longer ago.")] = 30,
    portal: OfPortal = None,
    as_json: AsJson = False,
) -> None:
    """Delete completed and cancelled rows; dead letters stay."""
    from propspider.db.transactions import in_transaction
    from propspider.portals import load
    from propspider.sync import queue

    if portal is not None:
        load(portal)
    with opened() as engine:
        deleted = in_transaction(
            engine, lambda connection: queue.cleanup(connection, older_than=timedelta(days=days), portal=portal)
        )
    if as_json:
        print_json({"deleted": deleted})
    else:
        say(f"deleted {deleted:,}")


def ready(found: "QueueStats") -> int:
    """Rows that a spider could claim now."""
    return found.pending_count - found.backed_off
