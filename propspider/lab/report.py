"""A scorecard as people and programs read it. Text of the portal is never read as markup."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from propspider.fields.text import clean_line
from propspider.lab.outcomes import HORIZONS
from propspider.lab.score import Row, Scorecard, Unit

MOST_WRONG = 20
"""Wrong values that are shown by name."""
Fault = tuple[str, Scorecard]
"""The fault's specification, and what it came to under it."""


def shown(value: float | None, unit: Unit) -> str:
    if value is None:
        return "-"
    match unit:
        case "share":
            return f"{100 * value:.2f} %"
        case "hours":
            return f"{value:,.1f} h"
        case "days":
            return f"{value:,.1f} d"
        case "times":
            return f"{value:,.1f} x"
        case _:
            return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def verdict(row: Row) -> str:
    """Empty without a target."""
    if row.is_met is None:
        return ""
    said = "ok" if row.is_met else "MISS"
    return f"{said}, VACUOUS" if row.is_vacuous else said


def goal(row: Row) -> str:
    sign = "at least" if row.better == "higher" else "at most"
    return "" if row.target is None else f"{sign} {shown(row.target, row.unit)}"


def misses(card: Scorecard) -> list[str]:
    """One line a target that was missed, with its reason."""
    return [
        f"MISS {row.name}: {shown(row.value, row.unit)}, {goal(row)}: {clean_line(row.reason) or 'no reason is known'}"
        for row in card.missed
    ]


def render(card: Scorecard, *, fault: str | None = None) -> RenderableType:
    """For a Rich console."""
    of = f"seed {card.seed}" + (f" under {clean_line(fault)}" if fault else "")
    parts: list[RenderableType] = [_rows_table(card, f"{of}, {card.since:%Y-%m-%d} to {card.until:%Y-%m-%d}")]
    parts += [Text(line, style="bold red") for line in misses(card)]
    parts += [_events_table(card), _requests_table(card)]
    if card.wrong:
        parts.append(_wrong_table(card))
    return Group(*parts)


def render_faults(faults: Sequence[Fault]) -> RenderableType:
    """One line a fault: its targets."""
    names = list(dict.fromkeys(row.name for _, card in faults for row in card.rows if row.target is not None))
    lines: list[list[str]] = []
    for name, card in faults:
        rows = {row.name: row for row in card.rows}
        cells = [f"{shown(row.value, row.unit)} {verdict(row)}" if (row := rows.get(one)) is not None else "" for one in names]
        lines.append([name, str(card.seed), *cells])
    return table(["fault", "seed", *names], lines, title="faults")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str, left: int = 1) -> Table:
    """All but the first `left` columns stand on the right. MISS is red, VACUOUS yellow."""
    made = Table(title=Text(title), title_justify="left", header_style="bold")
    for place, name in enumerate(columns):
        made.add_column(Text(name), justify="left" if place < left else "right", overflow="fold")
    for row in rows:
        made.add_row(*(Text(clean_line(cell) or "", style=_style(cell)) for cell in row))
    return made


def _style(cell: str) -> str:
    return "bold red" if "MISS" in cell else "yellow" if "VACUOUS" in cell else ""


def _rows_table(card: Scorecard, title: str) -> Table:
    lines = [
        (
            row.name,
            shown(row.value, row.unit),
            goal(row),
            "" if row.target is None else shown(row.margin, row.unit),
            verdict(row),
            shown(row.nothing, row.unit),
        )
        for row in sorted(card.rows, key=lambda row: row.target is None)
    ]
    return table(("figure", "value", "target", "margin", "", "doing nothing"), lines, title=title)


def _events_table(card: Scorecard) -> Table:
    lines = [
        (
            books.kind.value,
            f"{HORIZONS[books.kind].days} d",
            f"{books.events:,}",
            f"{books.detected:,}",
            f"{books.pending:,}",
            f"{books.missed:,}",
            f"{books.imbalance:,}",
            "; ".join(f"{times:,} {why}" for why, times in books.why.items()),
        )
        for books in card.events
    ]
    columns = ("event", "judged after", "events", "detected", "pending", "missed", "imbalance", "why")
    return table(columns, lines, title="ledger of events")


def _requests_table(card: Scorecard) -> Table:
    books = card.requests
    numbers = [books.logged, books.stored, books.failed, books.pending, books.imbalance]
    by_spider = "; ".join(f"{spider} {count:+,}" for spider, count in books.by_spider.items())
    lines = [("all", *(f"{number:,}" for number in numbers), by_spider)]
    columns = ("requests", "logged", "stored", "failed", "pending", "imbalance", "unaccounted answers")
    return table(columns, lines, title="ledger of requests")


def _wrong_table(card: Scorecard) -> Table:
    lines = [(one.write.public_id, one.write.field, one.write.value or "", one.truth or "") for one in card.wrong[:MOST_WRONG]]
    return table(("listing", "field", "written", "truth then"), lines, title="values overwritten wrongly", left=4)


def row_json(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "value": row.value,
        "target": row.target,
        "better": row.better,
        "seed": row.seed,
        "unit": row.unit,
        "margin": row.margin,
        "met": row.is_met,
        "vacuous": row.is_vacuous,
        "nothing": row.nothing,
        "reason": row.reason,
    }


def card_json(card: Scorecard) -> dict[str, Any]:
    return {
        "seed": card.seed,
        "since": card.since.isoformat(),
        "until": card.until.isoformat(),
        "rows": [row_json(row) for row in card.rows],
        "events": [{**attrs.asdict(one), "kind": one.kind.value, "imbalance": one.imbalance} for one in card.events],
        "horizons_days": {kind.value: horizon.days for kind, horizon in HORIZONS.items()},
        "requests": {**attrs.asdict(card.requests), "since": card.requests.since.isoformat()},
        "samples": [_plain(attrs.asdict(one) | {"f_core": one.f_core, "f_all": one.f_all}) for one in card.samples],
        "runs": [_plain(run._asdict()) for run in card.runs],
        "traffic": [{"day": day, "kind": kind, "requests": count} for (day, kind), count in card.traffic.by_day.items()],
        "wrong": [
            {"listing": one.write.public_id, "field": one.write.field, "value": one.write.value, "truth": one.truth}
            for one in card.wrong[:MOST_WRONG]
        ],
    }


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def results(cards: Sequence[Scorecard], faults: Sequence[Fault] = (), **more: Any) -> dict[str, Any]:
    """The document of build/lab.json. `more`: what else it is to say, such as the effective values of the run."""
    return {
        **more,
        "rows": [row_json(row) for card in cards for row in card.rows],
        "faults": [{**row_json(row), "fault": name} for name, card in faults for row in card.rows],
        "cards": [card_json(card) for card in cards],
    }


def write_results(path: Path, document: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")
