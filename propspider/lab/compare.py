"""Two results on the same seeds, row beside row."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from attrs import asdict, frozen
from rich.table import Table

from propspider.lab.report import shown, table

Winner = Literal["a", "b", "same", "unknown"]


class NotComparable(ValueError):
    """The two are no results, or not of the same seeds; the message says which."""


@frozen(kw_only=True)
class Difference:
    """`difference` is b - a; `winner` is unknown where one of them has no value. `fault` None: of the run without any."""

    name: str
    seed: int
    fault: str | None
    unit: Any
    better: str
    target: float | None
    a: float | None
    b: float | None
    difference: float | None
    winner: Winner


def load(path: Path) -> dict[str, Any]:
    """A document that report.write_results wrote. Raises NotComparable."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotComparable(f"{path}: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("rows"), list):
        raise NotComparable(f"{path}: not the results of a laboratory's run")
    return document


def compare(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Difference]:
    """Every row of either, in a's order. Raises NotComparable."""
    try:
        ours, theirs = dict(_rows(a)), dict(_rows(b))
    except (KeyError, TypeError) as error:
        raise NotComparable(f"a row without {error}") from error
    seeds = [sorted({seed for _, seed, fault in rows if fault is None}) for rows in (ours, theirs)]
    if seeds[0] != seeds[1]:
        raise NotComparable(f"seeds {seeds[0]} beside seeds {seeds[1]}: compare runs of the same seeds")
    return [_difference(key, ours.get(key, {}), theirs.get(key, {})) for key in dict.fromkeys([*ours, *theirs])]


def _rows(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, int, str | None], Mapping[str, Any]]]:
    for row in (*document["rows"], *document.get("faults", ())):
        yield (row["name"], row["seed"], row.get("fault")), row


def _difference(key: tuple[str, int, str | None], a: Mapping[str, Any], b: Mapping[str, Any]) -> Difference:
    name, seed, fault = key
    known, ours, theirs = a or b, a.get("value"), b.get("value")
    difference = theirs - ours if ours is not None and theirs is not None else None
    winner: Winner = "unknown"
    if difference is not None:
        winner = "same" if not difference else "b" if (difference > 0) is (known["better"] == "higher") else "a"
    return Difference(
        name=name,
        seed=seed,
        fault=fault,
        unit=known.get("unit", "count"),
        better=known["better"],
        target=known.get("target"),
        a=ours,
        b=theirs,
        difference=difference,
        winner=winner,
    )


def differences_json(found: Sequence[Difference]) -> list[dict[str, Any]]:
    return [asdict(one) for one in found]


def render(found: Sequence[Difference], *, names: tuple[str, str] = ("A", "B")) -> Table:
    """For a Rich console. `names` are those of the two configurations."""
    said = {"a": names[0], "b": names[1], "same": "same", "unknown": "-"}
    lines = [
        (
            one.name,
            one.fault or "",
            str(one.seed),
            shown(one.a, one.unit),
            shown(one.b, one.unit),
            shown(one.difference, one.unit),
            said[one.winner],
        )
        for one in found
    ]
    return table(("figure", "fault", "seed", *names, "difference", "better"), lines, title=" and ".join(names), left=2)
