"""`propspider lab`: a living portal to look at, and simulations of the tiers on it."""

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from propspider.commands import lab_chaos
from propspider.commands.output import AsJson, console, fail, print_json, say, table

if TYPE_CHECKING:
    from propspider.lab.farm import Suite
    from propspider.lab.scenario import Scenario

app = typer.Typer(no_args_is_help=True, help="A simulated portal that knows the truth: tune tiers on it.")

app.command("chaos")(lab_chaos.chaos)

Listings = Annotated[int, typer.Option("--listings", min=100, max=1_000_000, help="They stand for 600,000.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="The same seed is the same world.")]
WorldFile = Annotated[Path | None, typer.Option("--world", dir_okay=False, exists=True, help="Parameters; see world.toml.")]
FaultSpecs = Annotated[
    list[str] | None, typer.Option("--fault", help="name[:rate][@onset..end][,option=value]; `propspider lab faults` lists them.")
]
Tiers = Annotated[
    list[str] | None, typer.Option("--tier", help="What is other than in the tier table, in the field's figures: 1.pages=20")
]
Html = Annotated[Path | None, typer.Option("--html", dir_okay=False, help="Write a report with plots, one file.")]
Out = Annotated[Path | None, typer.Option("--out", dir_okay=False, help="Write the result as JSON, for `lab compare`.")]
BUILD = Path("build")


@app.command("run")
def run_scenario(
    *,
    days: Annotated[float, typer.Option("--days", min=1, help="Days that are judged.")] = 30,
    warm_up: Annotated[float, typer.Option("--warm-up", min=0, help="Days under the tiers before those.")] = 45,
    listings: Listings = 5_000,
    requests: Annotated[float, typer.Option("--requests", min=0.001, help="A listing and day; the field affords 0.072.")] = 0.072,
    policy: Annotated[str, typer.Option("--policy", help="tiers, or full: one full scrape after another.")] = "tiers",
    seed: Seed = 1,
    world: WorldFile = None,
    fault: FaultSpecs = None,
    tier: Tiers = None,
    name: Annotated[str, typer.Option("--name", help="Its database is propspider_lab_NAME, which stays.")] = "run",
    html: Html = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Drive the real tiers, spiders and database through simulated months, and score the rows by the truth."""
    scenario = _scenario(
        name=name,
        days=days,
        warm_up_days=warm_up,
        listings=listings,
        requests_per_listing=requests,
        policy=policy,
        seed=seed,
        world=None if world is None else world.absolute(),
        faults=fault or [],
        tiers=_overrides(tier or []),
    )
    from propspider.lab.farm import farm
    from propspider.lab.plots import write_report
    from propspider.lab.report import render, results, write_results

    if not as_json:
        _show_scale(scenario)
    with farm(_tell) as working:
        result = working.run(scenario)
    document = results([result.scorecard], scenario=scenario.model_dump(mode="json"), real_seconds=result.real_seconds)
    if out is not None:
        write_results(out, document)
    if html is not None:
        write_report(html, [result.scorecard])
    if as_json:
        print_json(document)
    else:
        console().print(render(result.scorecard, fault=", ".join(scenario.faults) or None))
        say(f"its database stays: PROPSPIDER_DATABASE={scenario.database} propspider status")


@app.command("suite")
def suite(
    *,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=20)] = 1,
    faults: Annotated[list[str] | None, typer.Option("--only", help="These faults; all when left out.")] = None,
    days: Annotated[float, typer.Option("--days", min=1)] = 30,
    warm_up: Annotated[float, typer.Option("--warm-up", min=0)] = 45,
    listings: Listings = 5_000,
    as_json: AsJson = False,
) -> None:
    """The four tiers, and each fault on a smaller world: build/lab.json and build/lab.html. `make lab`."""
    from propspider.lab.farm import farm
    from propspider.lab.faults import FAULTS
    from propspider.lab.plots import write_report
    from propspider.lab.report import render, render_faults, results, write_results

    if unknown := set(faults or ()) - FAULTS.keys():
        fail(f"no fault {', '.join(sorted(unknown))}; there are: {', '.join(FAULTS)}", code=2)
    scenario = _scenario(name="tiers", days=days, warm_up_days=warm_up, listings=listings)
    if not as_json:
        _show_scale(scenario)
    with farm(_tell) as working:
        found = working.suite(range(1, seeds + 1), tiers=scenario, faults=faults or list(FAULTS))
    cards, of_faults = [one.scorecard for one in found.tiers], [(name, one.scorecard) for name, one in found.faults]
    document = results(cards, of_faults)
    write_results(BUILD / "lab.json", document)
    write_report(BUILD / "lab.html", cards, of_faults)
    if as_json:
        print_json(document)
    else:
        for card in cards:
            console().print(render(card))
        console().print(render_faults(of_faults))
        say(f"written: {BUILD / 'lab.json'}, {BUILD / 'lab.html'}")
    _fail_under_faults(found)


def _fail_under_faults(found: "Suite") -> None:
    """What must hold whatever the portal does; a figure that the budget cannot afford is a figure."""
    broken = [name for name, one in found.faults if one.scorecard.missed]
    idle = [name for name, one in found.faults if not one.applied]
    if broken or idle:
        fail(f"under {', '.join(broken) or 'no fault'} something was lost or wrong; never applied: {', '.join(idle) or 'none'}")


@app.command("compare")
def compare_results(
    a: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    b: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    as_json: AsJson = False,
) -> None:
    """Two results of the same seeds side by side, as `lab run --out` wrote them."""
    from propspider.lab import compare

    try:
        found = compare.compare(compare.load(a), compare.load(b))
    except compare.NotComparable as error:
        fail(str(error))
    if as_json:
        print_json(compare.differences_json(found))
    else:
        console().print(compare.render(found, names=(a.stem, b.stem)))


@app.command("faults")
def list_faults(as_json: AsJson = False) -> None:
    """What can go wrong, and the specification by which `make lab` lets it."""
    from propspider.lab.faults import FAULTS

    rows = [(name, kind.what, "+".join(kind.kinds), kind.scenario) for name, kind in FAULTS.items()]
    if as_json:
        print_json([dict(zip(("name", "what", "requests", "scenario"), row, strict=True)) for row in rows])
    else:
        console().print(table(("fault", "what it does", "to requests for", "in make lab"), rows))


@app.command("serve")
def serve_portal(
    *,
    listings: Listings = 5_000,
    seed: Seed = 1,
    world: WorldFile = None,
    fault: FaultSpecs = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Another one is taken when it is in use.")] = 8765,
    speed: Annotated[float, typer.Option("--speed", min=0, help="Simulated seconds that pass in a second.")] = 3600,
) -> None:
    """Serve a living portal until Ctrl-C, for a look around or for crawls by hand."""
    scenario = _scenario(name="serve", listings=listings, seed=seed, world=world, faults=fault or [])
    from propspider.lab.standing import serve_living

    ends = {signal.SIGINT, signal.SIGTERM}
    # Before the portal's thread begins: it inherits what is blocked, and the signal is for this one.
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    with serve_living(scenario, port=port, speed=speed) as base_url:
        say(f"{listings:,} listings at {base_url}/en, {speed:g} simulated seconds a second; Ctrl-C ends it")
        say(f"  PROPSPIDER_ALLOW_PRIVATE=1 scrapy crawl manifest -a pages=2 -a base_url={base_url}")
        signal.sigwait(ends)


def _scenario(**values: Any) -> "Scenario":
    """Ends the command with one line that names what is wrong."""
    from pydantic import ValidationError

    try:
        from propspider.lab.faults import Fault, FaultError
        from propspider.lab.parameters import BadParameters, read
        from propspider.lab.scenario import Scenario
    except ModuleNotFoundError as error:
        fail(f"the laboratory needs its extra: pip install 'propspider[lab]' ({error.name} is missing)")
    try:
        scenario = Scenario(**values)
        for text in scenario.faults:
            Fault.parse(text)
        read(scenario.world)
    except ValidationError as error:
        fail("; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()), code=2)
    except (FaultError, BadParameters) as error:
        fail(str(error), code=2)
    return scenario


def _overrides(given: list[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for text in given:
        where, is_set, value = text.partition("=")
        level, is_named, name = where.partition(".")
        if not (is_set and is_named and level in {"1", "2", "3", "4"} and name and value):
            fail(f"--tier {text}: written as 1.pages=20, for tiers 1 to 4", code=2)
        found.setdefault(level, {})[name] = value
    return found


def _show_scale(scenario: "Scenario") -> None:
    from propspider.lab.parameters import read

    rows = scenario.scale.rows(read(scenario.world))
    console().print(table(("what", "in the field", "here"), rows))


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
