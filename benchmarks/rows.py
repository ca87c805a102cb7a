"""A measured row, and how rows are shown and kept."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

Better = Literal["higher", "lower"]
Unit = Literal["ratio", "seconds", "per minute"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """`values`: one per round, empty when nothing was measured, which `note` then explains."""

    name: str
    values: tuple[float, ...]
    target: float
    better: Better
    unit: Unit = "ratio"
    ours: str = ""
    against: str = ""
    note: str = ""

    @property
    def verdict(self) -> str:
        if not self.values:
            return "not measured"
        middle = median(self.values)
        return "ok" if (middle >= self.target if self.better == "higher" else middle <= self.target) else "MISS"

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "ratio": median(self.values) if self.values and self.unit == "ratio" else None,
            "target": self.target,
            "better": self.better,
            "unit": self.unit,
            "n": len(self.values),
            "min": min(self.values, default=None),
            "median": median(self.values) if self.values else None,
            "max": max(self.values, default=None),
            "verdict": self.verdict,
            "ours": self.ours,
            "against": self.against,
            "note": self.note,
        }


def paired(
    name: str,
    pairs: Sequence[tuple[float, float]],
    *,
    target: float,
    better: Better,
    measure: str,
    against: str,
    note: str = "",
) -> Row:
    """(ours, the other's) of each round; their ratio is taken round by round, since the machine's mood lasts longer than one."""
    return Row(
        name=name,
        values=tuple(ours / other for ours, other in pairs),
        target=target,
        better=better,
        ours=f"{number(median(ours for ours, _ in pairs))} {measure}",
        against=f"{number(median(other for _, other in pairs))} {against}",
        note=note,
    )


def not_measured(name: str, reason: str, *, target: float, better: Better, unit: Unit = "ratio") -> Row:
    return Row(name=name, values=(), target=target, better=better, unit=unit, note=reason)


def number(value: float) -> str:
    """Three digits that mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def show(rows: Sequence[Row], console: Console) -> None:
    table = Table(
        "row", "ratio", "target", "better", "n", "min", "median", "max", "", "ours", "against", box=None, pad_edge=False
    )
    for row in rows:
        spread: list[str] = []
        if row.values:
            spread = [number(min(row.values)), number(median(row.values)), number(max(row.values))]
        ratio = spread[1] if spread and row.unit == "ratio" else "-" if row.values else ""
        style = {"ok": "green", "MISS": "bold red"}.get(row.verdict, "yellow")
        unit = "" if row.unit == "ratio" else f" {row.unit}"
        cells: list[str | Text] = [
            row.name,
            ratio,
            f"{number(row.target)}{unit}",
            row.better,
            str(len(row.values)),
            *(spread or ["", "", ""]),
            Text(row.verdict, style),
            row.ours,
            row.against,
        ]
        table.add_row(*cells)
    console.print(table)
    for row in rows:
        if row.note:
            console.print(Text(f"{row.name}: {row.note}"), soft_wrap=True)


def keep(rows: Sequence[Row], environment: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    report = {"environment": environment, "rows": [row.as_json() for row in rows]}
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
