"""Listings of one property: which they are, why, and what a person says of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from propspider.commands.output import (
    AsJson,
    OfPortal,
    ago,
    connected,
    console,
    facts,
    fail,
    opened,
    print_json,
    say,
    table,
)

if TYPE_CHECKING:
    from propspider.quality.duplicates.decisions import Decided
    from propspider.quality.duplicates.explain import Chain, Explained, Found
    from propspider.quality.duplicates.groups import Regrouped
    from propspider.quality.duplicates.score import Score

app = typer.Typer(no_args_is_help=True, help="Listings that are one property, across ids and portals.")

Ids = Annotated[list[str], typer.Argument(metavar="ID…", help="Listings, as `duplicates list` names them.")]


@app.command("list")
def list_groups(
    portal: OfPortal = None,
    review: Annotated[bool, typer.Option("--review", help="Pairs that wait for a person instead of groups.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many: large groups, likely pairs first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Groups of listings that are one property; --review: what may be one as well."""
    if review:
        _list_waiting(portal, limit, as_json)
        return
    from propspider.quality.duplicates.explain import groups

    with connected() as connection:
        found = groups(connection, portal=portal, limit=limit)
    if as_json:
        print_json(found)
        return
    if not found:
        say("no two listings are known to be one property")
        return
    columns = ("group", "listings", "shown", "portals", "since", "title")
    rows = [(one.group_id, one.listings, one.shown, ", ".join(one.portals), ago(one.first_seen_at), one.title) for one in found]
    console().print(table(columns, rows, wide=("title",)))
    say("propspider duplicates explain ID tells why; --review lists pairs that wait for a person")


def _list_waiting(portal: str | None, limit: int, as_json: bool) -> None:
    from propspider.quality.duplicates.queue import waiting

    with connected() as connection:
        found = waiting(connection, portal=portal, limit=limit)
    if as_json:
        print_json(found)
        return
    if not found:
        say("no pair waits for a person")
        return
    rows = [
        (
            one.first,
            one.second,
            _share(one.probability),
            round(one.score, 1),
            _why(one.reasons),
            one.first_title,
            one.second_title,
        )
        for one in found
    ]
    columns = ("listing", "and", "probably", "bits", "why", "title", "and title")
    console().print(table(columns, rows, wide=("why", "title", "and title")))
    say("propspider duplicates merge A B says that they are one property; pairs that are not may stay here")


@app.command()
def explain(
    property_id: Annotated[str, typer.Argument(metavar="ID", help="A listing, or a group by its name.")],
    other: Annotated[str | None, typer.Argument(metavar="OTHER", help="Only what speaks for and against these two.")] = None,
    as_json: AsJson = False,
) -> None:
    """The group of a listing: its members, what was found between them, what persons said, the time on the market."""
    if other is not None:
        _explain_two(property_id, other, as_json)
        return
    from propspider.quality.duplicates import explain as asked

    with connected() as connection:
        found = asked.explain(connection, property_id)
    if found is None:
        fail(f"no such listing: {property_id}")
    if as_json:
        print_json(found)
        return
    _show(found)


def _explain_two(one: str, other: str, as_json: bool) -> None:
    from propspider.quality.duplicates import AUTOMATIC
    from propspider.quality.duplicates.explain import compare_two

    if one == other:
        fail("a listing is no duplicate of itself", code=2)
    with connected() as connection:
        found = compare_two(connection, one, other)
    if found is None:
        fail(f"{one} and {other} are not both live, or were not read yet: propspider duplicates refresh")
    if as_json:
        print_json(found)
        return
    console().print(table(("of", "found", "bits"), [(name, *reason) for name, reason in found.reasons.items()]))
    verdict = f"never one property: {', '.join(found.vetoes)} differs" if found.vetoes else "no contradiction"
    say(f"{found.score:+.1f} bits, {AUTOMATIC:g} group two listings; {verdict}")


_MEMBER = (
    "property_id",
    "portal",
    "listing_status",
    "operation_type",
    "price",
    "currency",
    "first_seen_at",
    "gone_at",
    "title",
)


def _show(found: "Explained") -> None:
    columns = ("listing", "portal", "is", "operation", "price", "currency", "first seen", "gone", "title")
    rows = [[getattr(one, name) for name in _MEMBER] for one in found.members]
    title = f"group {found.group_id}" if found.group_id else "in no group"
    console().print(table(columns, rows, title=title, wide=("title",)))
    if found.found:
        edges = [_edge_row(one) for one in found.found]
        console().print(table(("listing", "and", "in group", "bits", "probably", "why"), edges, title="found", wide=("why",)))
    if found.said:
        said = [
            (
                one.action,
                one.verdict,
                one.decided_by,
                one.decided_at,
                _standing(one.undone_at, one.replaced_by),
                ", ".join(one.pairs),
            )
            for one in found.said
        ]
        console().print(table(("action", "said", "by", "at", "now", "of"), said, title="said", wide=("of",)))
    for chain in found.chains:
        console().print(facts(_chain_facts(chain), title="on the market"))


def _edge_row(one: "Found") -> tuple[object, ...]:
    return (one.first, one.second, one.is_inside, round(one.score, 1), _share(one.probability), _why(one.reasons))


def _chain_facts(chain: "Chain") -> list[tuple[str, object]]:
    return [
        ("operation", chain.operation_type),
        ("listings", " → ".join(chain.property_ids)),
        ("since", chain.first_seen_at),
        ("until", chain.gone_at),
        ("days on market", chain.days_on_market),
        ("first price", chain.first_price),
        ("last price", chain.last_price),
        ("currency", chain.currency),
        ("price change", None if chain.price_change is None else f"{chain.price_change:+.1%}"),
    ]


def _standing(undone_at: object, replaced_by: int | None) -> str:
    return "undone" if undone_at is not None else "counts" if replaced_by is None else f"replaced by {replaced_by}"


def _share(probability: float | None) -> str | None:
    return None if probability is None else f"{probability:.0%}"


def _why(reasons: Mapping[str, Any]) -> str:
    """What says something, the strongest first."""
    telling = sorted(reasons.items(), key=lambda one: -abs(one[1][1]))
    return ", ".join(f"{name} {found} {bits:+g}" for name, (found, bits) in telling if bits)


@app.command()
def merge(ids: Ids, as_json: AsJson = False) -> None:
    """Say that these are one property, whatever is found of them."""
    _decide("merge", ids, as_json)


@app.command()
def split(ids: Ids, as_json: AsJson = False) -> None:
    """Say that these are not the property that the rest of their group is: they leave it."""
    _decide("split", ids, as_json)


def _decide(verb: str, ids: list[str], as_json: bool) -> None:
    from propspider.db.transactions import in_transaction
    from propspider.quality.duplicates import decisions

    work = decisions.merge if verb == "merge" else decisions.split
    with opened() as engine:
        try:
            decided = in_transaction(engine, lambda connection: work(connection, ids, by=_who()))
        except decisions.Refused as error:
            fail(str(error))
    if as_json:
        print_json(_document(decided))
        return
    for (first, second), vetoes in decided.overruled.items():
        say(f"the rules would never join {first} and {second}: {', '.join(vetoes)}")
    _say_moved(decided.groups)
    say(f"action {decided.action}; propspider duplicates undo {decided.action} takes it back")


def _document(decided: "Decided") -> dict[str, object]:
    return {
        "action": decided.action,
        "verdict": decided.verdict,
        "pairs": decided.pairs,
        "overruled": [{"pair": pair, "vetoes": vetoes} for pair, vetoes in decided.overruled.items()],
        "joined": decided.groups.joined,
        "left": decided.groups.left,
    }


def _say_moved(groups: "Regrouped") -> None:
    for property_id in groups.left:
        say(f"left its group {property_id}")
    for property_id in groups.joined:
        say(f"joined a group {property_id}")
    if not groups.left and not groups.joined:
        say("no listing moved")


@app.command()
def undo(
    action: Annotated[int, typer.Argument(metavar="ACTION", help="As merge and split say, and `explain`.")],
    as_json: AsJson = False,
) -> None:
    """Take a merge or a split back: groups are again what they were without it."""
    from propspider.db.transactions import in_transaction
    from propspider.quality.duplicates import decisions

    with opened() as engine:
        try:
            moved = in_transaction(engine, lambda connection: decisions.undo(connection, action))
        except decisions.Refused as error:
            fail(str(error))
    if as_json:
        print_json({"undone": action, "joined": moved.joined, "left": moved.left})
    else:
        _say_moved(moved)


@app.command()
def refresh(as_json: AsJson = False) -> None:
    """Look for duplicates among all listings; for a timer, every night. Where the model is installed it judges them."""
    from propspider.db.transactions import in_transaction
    from propspider.quality.duplicates import linkage
    from propspider.quality.duplicates.refresh import rebuild

    with opened() as engine:
        done = rebuild(engine)
        try:
            judged = in_transaction(engine, linkage.judge)
            note = f"the model judged {judged} pairs"
        except (linkage.NotInstalled, linkage.TooLittle) as error:
            judged, note = None, str(error)
    if as_json:
        print_json({"listings": done.listings, "changed": done.changed, "joined": done.groups.joined, "judged": judged})
        return
    say(f"{done.listings} listings, {done.changed} of them new or changed; {len(done.groups.joined)} joined a group")
    say(note)


@app.command()
def score(
    file: Annotated[Path, typer.Argument(metavar="FILE.parquet", help="Listings with the property that each is of (pid).")],
    as_json: AsJson = False,
) -> None:
    """How well duplicates are found in a file whose truth is known. Nothing of it stays in the database."""
    from propspider.quality.duplicates.score import Unscorable, score_file

    with connected() as connection:
        try:
            found = score_file(connection, file)
        except Unscorable as error:
            fail(str(error))
    if as_json:
        print_json(found)
        return
    rows = [_score_row("grouped automatically", found.automatic)]
    if found.review is not None:
        rows.append(_score_row("with the review queue", found.review))
    console().print(table(("", "precision", "recall", "pairs", "seconds"), rows))
    if found.review is None:
        say("the review queue takes an extra: pip install 'propspider[linkage]'")


def _score_row(name: str, found: "Score") -> tuple[object, ...]:
    return (name, _exact(found.precision), _exact(found.recall), found.pairs, found.seconds)


def _exact(share: float | None) -> str | None:
    return None if share is None else f"{share:.4f}"


def _who() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"
