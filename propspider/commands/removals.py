"""Listings that may be gone: their cases, and the approval of what waits."""

from typing import TYPE_CHECKING, Annotated

import typer

from propspider.commands.output import AsJson, OfPortal, ago, connected, console, fail, opened, print_json, say, table

if TYPE_CHECKING:
    from propspider.sync.case_files import CaseFile

run_app = typer.Typer(no_args_is_help=True, help="One run, and what it found and did not dare.")


def removals(
    open_only: Annotated[bool, typer.Option("--open", help="Only those that nothing has decided yet.")] = False,
    portal: OfPortal = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Listings that complete sweeps missed, what was found of them and decided. `explain ID` shows each piece of evidence."""
    from propspider.portals import load
    from propspider.sync.case_files import case_files

    if portal is not None:
        load(portal)
    with connected() as connection:
        found = case_files(connection, portal=portal, open_only=open_only, limit=limit)
    if as_json:
        print_json(found)
        return
    if not found:
        say("no case is open" if open_only else "no listing was ever missing")
        return
    columns = ("case", "listing", "is", "case is", "outcome", "missed", "weight", "last answer", "opened", "decided", "title")
    console().print(table(columns, [_row(case) for case in found], wide=("title", "decided")))
    waiting = {str(case.sync_run_id): case for case in found if case.status == "quarantined"}
    for run in sorted(waiting):
        say(f"propspider run approve {run[:8]} removes what waits of this run")


def _row(case: "CaseFile") -> tuple[object, ...]:
    decided = None if case.decided_at is None else f"{case.decided_by}, {ago(case.decided_at)}"
    return (
        case.id,
        case.property_id,
        case.listing_status,
        case.status,
        case.outcome,
        case.missed,
        case.weight,
        case.last_finding,
        ago(case.opened_at),
        decided,
        case.title,
    )


@run_app.command()
def approve(
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="As `removals` names it; the beginning is enough.")],
    as_json: AsJson = False,
) -> None:
    """Remove what waits in the run's quarantine, once: what waits later needs another word."""
    from propspider.db.transactions import in_transaction
    from propspider.sync import quarantine
    from propspider.sync import runs as run_rows

    with opened() as engine:
        try:
            with engine.connect() as connection:
                run = run_rows.find_run(connection, run_id)
        except run_rows.NoSuchRun as error:
            fail(str(error))
        approved = in_transaction(engine, lambda connection: quarantine.approve(connection, run))
    if as_json:
        print_json({"run": run, "approved": approved})
        return
    if not approved:
        say(f"nothing of run {run} waits for an approval")
    for property_id in approved:
        say(f"removed {property_id}")
