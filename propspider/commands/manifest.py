"""What listing pages showed."""

import typer

from propspider.commands.output import AsJson, OfPortal, ago, connected, console, print_json, say, table

app = typer.Typer(no_args_is_help=True, help="What listing pages showed.")


@app.command()
def stats(portal: OfPortal = None, as_json: AsJson = False) -> None:
    """Listings of each portal and scope: new, to be scraped, with a changed or no price, and when they were last seen."""
    from propspider.portals import load
    from propspider.sync.overview import manifest_stats

    if portal is not None:
        load(portal)
    with connected() as connection:
        found = manifest_stats(connection, portal)
    if as_json:
        print_json(found)
        return
    if not found:
        say("the manifest is empty: `scrapy crawl manifest` fills it")
        return
    columns = (
        "portal",
        "scope",
        "listings",
        "in last sweep",
        "new",
        "to scrape",
        "price changed",
        "no price",
        "oldest",
        "newest",
    )
    console().print(
        table(
            columns,
            [
                (
                    row.portal,
                    row.scope or "all",
                    row.listings,
                    row.seen_in_last_sweep,
                    row.new,
                    row.needing_a_scrape,
                    row.price_changed,
                    row.without_price,
                    ago(row.oldest_sighting),
                    ago(row.newest_sighting),
                )
                for row in found
            ],
        )
    )
