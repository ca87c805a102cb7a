"""What ran, and what came of it."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from propspider.commands.output import AsJson, OfPortal, ago, connected, console, duration, facts, fail, print_json, say, table

if TYPE_CHECKING:
    from propspider.sync.run_reports import RunDetails, RunReport

COLUMNS = ("run", "portal", "tier", "outcome", "began", "took", "pages", "new", "prices", "removed", "details", "errors", "why")


def runs(
    portal: OfPortal = None,
    tier: Annotated[Literal["1", "2", "3", "4", "full"] | None, typer.Option("--tier", help="Of this tier only.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Runs of tiers, and of crawls that are no step of one."""
    from propspider import portals
    from propspider.sync.run_reports import reports
    from propspider.tiers.table import TABLE

    if portal is not None:
        portals.load(portal)
    name = next((one.name for one in TABLE if one.key == tier), None)
    with connected() as connection:
        found = reports(connection, portal=portal, tier=name, limit=limit)
    if as_json:
        print_json({"runs": found})
        return
    if not found:
        say("no run yet: `propspider tier 1` is one")
        return
    columns = (
        "run",
        "portal",
        "tier",
        "outcome",
        "began",
        "took",
        "pages",
        "new",
        "prices",
        "removed",
        "details",
        "errors",
        "why",
    )
    console().print(table(columns, [_row(run) for run in found], wide=("why",)))


def show(
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="As `runs` names it; the beginning is enough.")],
    as_json: AsJson = False,
) -> None:
    """One run: its steps, its crawls, its errors."""
    from propspider.sync import runs as run_rows
    from propspider.sync.run_reports import details

    with connected() as connection:
        try:
            found = details(connection, run_rows.find_run(connection, run_id))
        except run_rows.NoSuchRun as error:
            fail(str(error))
    if as_json:
        print_json(found)
        return
    _show(found)


def _row(run: "RunReport") -> tuple[object, ...]:
    return (
        str(run.id)[:8],
        run.portal,
        run.tier_name or "crawl",
        run.state,
        ago(run.started_at),
        duration(run.seconds),
        run.pages_scanned,
        run.new_properties_found,
        run.price_changes_detected,
        run.removals_confirmed,
        run.properties_scraped,
        run.error_count,
        run.error_summary,
    )


def _show(found: "RunDetails") -> None:
    run, told = found.run, found.run.metadata
    done = told.get("done", [])
    at = told.get("step")
    steps = [f"{step} {'done' if step in done else 'reached' if step == at else 'not reached'}" for step in told.get("steps", [])]
    pairs = [
        ("run", run.id),
        ("outcome", run.state),
        ("began", run.started_at),
        ("took", duration(run.seconds)),
        ("scheduled for", told.get("scheduled_for")),
        ("taken up", ", ".join(told.get("taken_up", []))),
        ("steps", ", ".join(steps)),
        ("pages", run.pages_scanned),
        ("listings seen", run.properties_in_manifest),
        ("new", run.new_properties_found),
        ("price changes", run.price_changes_detected),
        ("missing", run.removals_detected),
        ("removed", run.removals_confirmed),
        ("queued", run.properties_queued),
        ("details stored", run.properties_scraped),
        ("errors", ", ".join(f"{rows:,} {kind}" for kind, rows in found.errors.items())),
        ("why", run.error_summary),
        *(("note", note) for note in told.get("notes", [])),
    ]
    console().print(facts(pairs, title=f"{run.tier_name or 'crawl'} of {run.portal}"))
    columns = ("session", "spider", "outcome", "began", "took", "pages", "stored", "errors", "reason")
    rows = [
        (
            str(one.id)[:8],
            one.spider,
            one.status,
            ago(one.started_at),
            duration(one.seconds),
            one.pages,
            one.stored,
            one.errors,
            one.finish_reason,
        )
        for one in found.sessions
    ]
    console().print(table(columns, rows, wide=("reason",)))
