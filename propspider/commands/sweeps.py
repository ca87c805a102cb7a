"""What walks of the listing pages proved, and why."""

from typing import TYPE_CHECKING, Annotated

import typer

from propspider.commands.output import AsJson, OfPortal, ago, connected, console, print_json, say, table

if TYPE_CHECKING:
    from propspider.sync.overview import Walk


def sweeps(
    portal: OfPortal = None,
    scope: Annotated[str | None, typer.Option("--scope", help="Of this scope only.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Sweeps with their verdicts: complete ones count who is missing, partial and void ones say why they do not."""
    from propspider import portals
    from propspider.sync.overview import walks

    if portal is not None:
        portals.load(portal)
    with connected() as connection:
        found = walks(connection, portal, scope, limit=limit)
    if as_json:
        print_json(found)
        return
    if not found:
        say("no sweep yet: `scrapy crawl manifest` makes one")
        return
    columns = ("sweep", "portal", "scope", "began", "verdict", "pages", "failed", "listings", "stated", "parts", "why")
    console().print(table(columns, [_row(walk) for walk in found], wide=("why",)))


def _row(walk: "Walk") -> tuple[object, ...]:
    return (
        walk.id,
        walk.portal,
        walk.scope,
        ago(walk.started_at),
        walk.verdict or walk.status,
        walk.pages_fetched,
        walk.pages_failed,
        walk.entries if walk.distinct_listings is None else walk.distinct_listings,
        walk.last_stated_total,
        walk.parts or None,
        "; ".join(walk.reasons),
    )
