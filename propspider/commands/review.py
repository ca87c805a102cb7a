"""Values that the gates keep from live until somebody looks."""

from typing import TYPE_CHECKING, Annotated

import typer

from propspider.commands.output import AsJson, OfPortal, ago, connected, console, fail, offer_line, opened, print_json, say, table

if TYPE_CHECKING:
    from propspider.sync.review import HeldValue

app = typer.Typer(no_args_is_help=True, help="Prices that moved too far to be believed unseen.")

Ids = Annotated[list[str], typer.Argument(metavar="ID…", help="Listings, as `review list` names them.")]
OfOperation = Annotated[str | None, typer.Option("--operation", help="Only this offer of the listings: sale, rent, …")]


@app.command("list")
def list_held(
    portal: OfPortal = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the oldest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """What is held, beside what live shows."""
    from propspider.sync import review

    with connected() as connection:
        held = review.held_values(connection, portal=portal, limit=limit)
    if as_json:
        print_json([_document(value) for value in held])
        return
    if not held:
        say("nothing is held")
        return
    rows = [
        (
            value.property_id,
            _line(value.known),
            _line(value.held),
            _move(value),
            value.reason,
            ago(value.observed_at),
            value.title,
        )
        for value in held
    ]
    console().print(table(("listing", "live shows", "held", "move", "why", "seen", "title"), rows, wide=("title",)))
    say("propspider review accept ID… writes what is held; reject ID… keeps what live shows")


@app.command()
def accept(ids: Ids, operation: OfOperation = None, as_json: AsJson = False) -> None:
    """Write what is held to live, with its history."""
    _settle(ids, operation, "accepted", as_json)


@app.command()
def reject(ids: Ids, operation: OfOperation = None, as_json: AsJson = False) -> None:
    """Keep what live shows; the same value is not held again."""
    _settle(ids, operation, "rejected", as_json)


def _settle(ids: list[str], operation: str | None, outcome: str, as_json: bool) -> None:
    from propspider.db.transactions import in_transaction
    from propspider.items import Operation
    from propspider.sync import review

    try:
        chosen = Operation(operation) if operation is not None else None
    except ValueError:
        fail(f"--operation is one of {', '.join(Operation)}", code=2)
    work = review.accept if outcome == "accepted" else review.reject
    with opened() as engine:
        settled = in_transaction(engine, lambda connection: work(connection, ids, operation=chosen))
    missed = sorted(set(ids) - set(settled))
    if as_json:
        print_json({outcome: settled, "nothing_held": missed})
    else:
        for property_id in settled:
            say(f"{outcome} {property_id}")
    if missed:
        fail(f"nothing is held of {', '.join(missed)}")


def _document(value: "HeldValue") -> dict[str, object]:
    return {
        "property_id": value.property_id,
        "title": value.title,
        "source_url": value.source_url,
        "known": value.known,
        "held": value.held,
        "move": value.move,
        "reason": value.reason,
        "observed_at": value.observed_at,
        "source": value.source,
    }


def _line(offer: object) -> str:
    from propspider.item_json import plain

    return offer_line(plain(offer))


def _move(value: "HeldValue") -> str:
    return "" if value.move is None else f"{value.move:+.0%}"
