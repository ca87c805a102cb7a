"""`propspider`. What is slow to import is imported by the command that needs it."""

from typing import Annotated

import typer

from propspider.commands import (
    alerts,
    aliases,
    db,
    demo,
    duplicates,
    explain,
    lab,
    manifest,
    pause,
    portal,
    queue,
    removals,
    review,
    runs,
    status,
    sweeps,
    tier,
)
from propspider.commands.errors import OneLineErrors
from propspider.commands.output import prepare_streams, say

app = typer.Typer(
    cls=OneLineErrors,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Keeps a database of property listings in step with the portals that publish them.",
)
app.command("tier")(tier.tier)
app.command("auto")(tier.auto)
app.command("schedule")(tier.schedule)
app.command("status")(status.status)
app.command("pause")(pause.pause)
app.command("resume")(pause.resume)
app.add_typer(queue.app, name="queue")
app.add_typer(review.app, name="review")
app.command("removals")(removals.removals)
app.command("runs")(runs.runs)
removals.run_app.command("show")(runs.show)
app.add_typer(removals.run_app, name="run")
app.add_typer(aliases.app, name="aliases")
app.add_typer(duplicates.app, name="duplicates")
app.add_typer(manifest.app, name="manifest")
app.add_typer(portal.app, name="portal")
app.add_typer(alerts.app, name="alerts")
app.command("sweeps")(sweeps.sweeps)
app.command("explain")(explain.explain)
app.add_typer(db.app, name="db")
app.command("demo")(demo.demo)
app.add_typer(lab.app, name="lab")


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        say(f"propspider {version('propspider')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    prepare_streams()
    app()
