"""Other URLs of listings, and listings that seem to be listed anew."""

from typing import Annotated

import typer

from propspider.commands.output import AsJson, OfPortal, ago, connected, console, fail, opened, print_json, say, table

app = typer.Typer(no_args_is_help=True, help="Other URLs of listings, and listings that seem to be listed anew.")


@app.command("list")
def list_aliases(
    portal: OfPortal = None,
    proposed: Annotated[bool, typer.Option("--proposed", help="Only listings that seem to be listed anew.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Certain: another URL of the same listing. Proposed: the same place, price, type and address under another id."""
    from propspider.portals import load
    from propspider.sync.aliases import aliases

    if portal is not None:
        load(portal)
    with connected() as connection:
        found = aliases(connection, portal=portal, kind="proposed" if proposed else None, limit=limit)
    if as_json:
        print_json(found)
        return
    if not found:
        say("no listing has another URL")
        return
    rows = [
        (
            alias.id,
            alias.kind if alias.rejected_at is None else "rejected",
            alias.property_id,
            alias.other_property_id,
            alias.url,
            alias.reason,
            ago(alias.created_at),
        )
        for alias in found
    ]
    console().print(table(("id", "kind", "listing", "anew as", "url", "why", "found"), rows, wide=("url", "why")))


@app.command()
def reject(
    alias_id: Annotated[int, typer.Argument(metavar="ID", help="As `aliases list` names it.")], as_json: AsJson = False
) -> None:
    """It is not so: undone, and never proposed again."""
    from propspider.db.transactions import in_transaction
    from propspider.sync import aliases

    with opened() as engine:
        rejected = in_transaction(engine, lambda connection: aliases.reject(connection, alias_id))
    if not rejected:
        fail(f"no alias {alias_id}, or it was rejected before")
    if as_json:
        print_json({"rejected": alias_id})
    else:
        say(f"rejected {alias_id}")
