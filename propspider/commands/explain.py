"""Why a listing is as it is: every row that is known of it."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from propspider.commands.output import AsJson, connected, console, facts, fail, offer_line, print_json, table

if TYPE_CHECKING:
    from propspider.sync.explain import Explanation

_OF_THE_LISTING = frozenset({"portal", "property_id", "listing_status", "title", "source_url"})
"""Shown above; in rows they would only repeat."""
_IN_JSON_ONLY = frozenset({"batch_id", "sync_run_id", "last_finding", "last_asked_at"})
"""Of cases and evidence: what a person does not read, or reads in the rows below."""
_LONG = ("old value", "new value", "message", "last error", "url", "redirect url", "detail", "reason")


def explain(
    property_id: Annotated[
        str, typer.Argument(metavar="ID", help="As <portal>:<key>; the default portal's name may be left out.")
    ],
    changes: Annotated[int, typer.Option("--changes", min=1, help="How many of the newest changes.")] = 20,
    all_changes: Annotated[bool, typer.Option("--all", help="Every change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Everything known of one listing: its card and pages, offers, live row, evidence, queue, history and errors."""
    from propspider.config import load
    from propspider.sync.explain import explain as look_up
    from propspider.sync.explain import nearest_ids

    wanted = property_id.strip() if ":" in property_id else f"{load().default_portal}:{property_id.strip()}"
    with connected() as connection:
        found = look_up(connection, wanted, changes=None if all_changes else changes)
        near = nearest_ids(connection, wanted) if found is None else []
    if found is None:
        fail(f"no listing {wanted}" + (f"; near it: {', '.join(near)}" if near else ""))
    if as_json:
        print_json(found)
    else:
        _show(console(), found)


def _show(screen: Console, found: "Explanation") -> None:
    for title, row in ((found.property_id, found.live), ("card", found.card), ("freshness", found.freshness)):
        if row is not None:
            screen.print(facts(_pairs(row), title=title))
    if found.live is None:
        screen.print("no live row: its detail page was never stored")
    kept = len(found.changes)
    is_all = kept == found.changes_total
    history = "changes" if is_all else f"changes: the newest {kept} of {found.changes_total} (--all shows all)"
    for title, rows in (
        ("offers", found.offers),
        ("sightings", found.sightings),
        ("seen on", found.seen_on),
        ("removal cases", found.cases),
        ("evidence", found.evidence),
        ("other URLs", found.aliases),
        ("queue", found.queue),
        (history, found.changes),
        ("errors", found.errors),
    ):
        _print_rows(screen, title, rows)


def _pairs(row: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name.replace("_", " "), value) for name, value in row.items() if name != "property_id" and value is not None]


def _print_rows(screen: Console, title: str, rows: Sequence[Any]) -> None:
    if not rows:
        return
    known = [field.name for field in fields(rows[0]) if field.name not in _OF_THE_LISTING | _IN_JSON_ONLY]
    names = [name for name in known if any(getattr(row, name) is not None for row in rows)]
    columns = [name.replace("_", " ") for name in names]
    screen.print(table(columns, [[_short(getattr(row, name)) for name in names] for row in rows], title=title, wide=_LONG))


def _short(value: Any) -> Any:
    """A `created` row holds the whole listing: its fields' number is enough here. Offers are told in words."""
    if isinstance(value, dict) and len(value) > 8:
        return f"{len(value)} fields"
    if isinstance(value, list) and value and all(isinstance(part, dict) and "operation" in part for part in value):
        return "; ".join(offer_line(offer) for offer in value)
    return value
