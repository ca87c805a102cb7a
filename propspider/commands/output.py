"""How commands speak: tables and lines for people, one JSON document for programs. Scraped text is never read as markup."""

import dataclasses
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from propspider import clock
from propspider.fields.text import clean_line

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from propspider.config import Config

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, and nothing else there.")]
OfPortal = Annotated[str | None, typer.Option("--portal", help="Of this portal; of all when left out.")]

PIPE_WIDTH = 160
"""Columns where no terminal says how many it has: Rich would take 80 and fold most rows."""


def prepare_streams() -> None:
    """What the locale cannot show becomes a question mark instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def console(*, stderr: bool = False) -> Console:
    found = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not found.is_terminal:
        found = Console(stderr=stderr, highlight=False, markup=False, emoji=False, width=PIPE_WIDTH)
    return found


def say(line: str = "", *, stderr: bool = False, style: str | None = None) -> None:
    """One line as it stands, however long: it may be copied."""
    console(stderr=stderr).print(Text(line, style=style or ""), soft_wrap=True)


def fail(message: str, *, code: int = 1) -> NoReturn:
    say(f"propspider: {clean_line(message) or 'failed'}", stderr=True)
    raise typer.Exit(code)


def print_json(document: Any) -> None:
    is_unicode = (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
    sys.stdout.write(json.dumps(jsonable(document), ensure_ascii=not is_unicode, indent=2, default=str) + "\n")


def jsonable(value: Any) -> Any:
    """As item_json.plain, for dataclasses and rows as well."""
    from propspider.item_json import plain

    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: jsonable(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return plain(value)


def cell(value: Any) -> Text:
    """What a person reads of a value: a dash for nothing, no control characters, never markup."""
    match value:
        case None | "" | [] | ():
            shown = "-"
        case bool():
            shown = "yes" if value else "no"
        case datetime():
            shown = f"{value:%Y-%m-%d %H:%M:%S}"
        case Decimal() if value == value.to_integral_value():
            shown = f"{value:,.0f}"
        case int() | Decimal():
            shown = f"{value:,}"
        case dict() | list() | tuple():
            shown = json.dumps(jsonable(value), ensure_ascii=False, default=str)
        case _:
            shown = str(value)
    return Text(clean_line(shown) or "-")


def offer_line(offer: Mapping[str, Any]) -> str:
    """An offer as item_json and properties_live.offers write it."""
    amount = "on request" if offer["amount"] is None else f"{offer['amount']:,} {offer['currency']}"
    more = f" to {offer['amount_max']:,}" if offer.get("amount_max") is not None else ""
    return f"{offer['operation']} {amount}{more}" + ("/m2" if offer["unit"] == "square_meter" else "")


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None, wide: Iterable[str] = ()) -> Table:
    """Columns named in `wide` are folded where the others are kept whole. Columns of numbers stand on the right."""
    kept = [list(row) for row in rows]
    made = Table(title=Text(title) if title else None, title_justify="left", header_style="bold")
    for index, name in enumerate(columns):
        is_wide = name in set(wide)
        numbers = [_is_number(row[index]) for row in kept if row[index] is not None]
        justify: Literal["left", "right"] = "right" if numbers and all(numbers) and not is_wide else "left"
        made.add_column(Text(name), justify=justify, overflow="fold", no_wrap=not is_wide)
    for row in kept:
        made.add_row(*(value if isinstance(value, Text) else cell(value) for value in row))
    return made


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def facts(pairs: Iterable[tuple[str, Any]], *, title: str | None = None) -> Table:
    """Name and value, one pair a line."""
    made = Table(title=Text(title) if title else None, title_justify="left", show_header=False, box=None, pad_edge=False)
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs:
        made.add_row(Text(name), cell(value))
    return made


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} d"


def ago(moment: datetime | None) -> str:
    return "never" if moment is None else f"{duration(max(0.0, (clock.now() - moment).total_seconds()))} ago"


@contextmanager
def opened(config: "Config | None" = None) -> Iterator["Engine"]:
    """An engine of its own, closed afterwards. Raises as db.engine.open_engine."""
    from propspider.config import load
    from propspider.db.engine import open_engine

    config = config or load()
    clock.follow(config.clock)
    engine = open_engine(config)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def connected() -> Iterator["Connection"]:
    """For reading: what is written on it is rolled back."""
    with opened() as engine, engine.connect() as connection:
        yield connection
