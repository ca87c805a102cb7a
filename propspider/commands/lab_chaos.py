"""`propspider lab chaos`: days on which everything is killed, and whether the books balance afterwards."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from propspider.commands.output import AsJson, console, jsonable, print_json, say, table

if TYPE_CHECKING:
    from propspider.lab.chaos import Outcome

REPORT = Path("build") / "chaos.json"


def chaos(
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed is the same world and the same kills.")] = 1,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="So many, from --seed on.")] = 1,
    workers: Annotated[int, typer.Option("--workers", min=1, max=16, help="Days that pass at a time.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Kill spiders, runners, the scheduler and the database on a simulated day; exit code 1 unless the books balance after it."""
    from propspider.config import load
    from propspider.lab.chaos_days import run_days

    done: list[Outcome] = []
    with _ended_by_signal():
        for outcome in run_days(range(seed, seed + seeds), workers=workers, pg_bin=load().pg_bin):
            done.append(outcome)
            if not as_json:
                _tell(outcome)
    document = {"seeds": len(done), "unbalanced": [one.seed for one in done if one.faults], "days": [_plain(one) for one in done]}
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(_json(document), encoding="utf-8")
    if as_json:
        print_json(document)
    else:
        _sum_up(done)
    if any(one.faults for one in done):
        raise typer.Exit(1)


@contextmanager
def _ended_by_signal() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does: with all that it started."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _plain(outcome: "Outcome") -> dict[str, Any]:
    return {**jsonable(outcome), "balanced": not outcome.faults}


def _json(document: Any) -> str:
    import json

    return json.dumps(document, indent=2) + "\n"


def _tell(outcome: "Outcome") -> None:
    figures = outcome.figures
    say(
        f"seed {outcome.seed}: {'balanced' if not outcome.faults else 'NOT BALANCED'}; {len(outcome.kills)} kills, "
        f"{figures['take-overs']:.0f} runs taken up, {figures['crawls']:.0f} crawls, {figures['requests']:,.0f} requests, "
        f"{figures['seconds']:.0f} s ({outcome.scheduling}, {'embedded server' if outcome.embedded else 'DATABASE_URL'})"
    )
    for fault in outcome.faults:
        say(f"  {fault}")


def _sum_up(done: "list[Outcome]") -> None:
    from collections import Counter

    killed = Counter(victim for one in done for kill in one.kills for victim in kill.partition(" at ")[0].split(" + "))
    console().print(table(("killed", "times"), sorted(killed.items()), title=f"{len(done)} days; {REPORT}"))
    unbalanced = [str(one.seed) for one in done if one.faults]
    say(f"not balanced: seed {', '.join(unbalanced)}" if unbalanced else "all balanced")
