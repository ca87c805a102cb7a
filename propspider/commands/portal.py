"""Portals: which there are, what their pages give, and how a new one begins."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from propspider.commands.output import AsJson, console, facts, fail, offer_line, print_json, say, table

if TYPE_CHECKING:
    from web_poet import HttpResponse

    from propspider.items import ManifestPage, PropertyItem
    from propspider.portals import Portal
    from propspider.portals.judgement import PageKind

app = typer.Typer(no_args_is_help=True, help="The portals, and trying their pages.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="A portal, as `propspider portal list` names it.")]
Url = Annotated[str | None, typer.Argument(metavar="[URL]", help="A page on the portal's own hosts.")]
File = Annotated[Path | None, typer.Option("--file", exists=True, dir_okay=False, help="A saved page, instead of fetching one.")]
PageUrl = Annotated[str | None, typer.Option("--page-url", help="Where --file came from; the portal's base_url if left out.")]
BaseUrl = Annotated[str | None, typer.Option("--base-url", help="Fetch the portal's pages from here.")]
Kind = Literal["listing", "detail"]


class Refused(Exception):
    """A page from which nothing may be read: `judgement` is what it is instead, `sign` what told."""

    def __init__(self, judgement: str, sign: str) -> None:
        super().__init__(f"{judgement}: {sign}")
        self.judgement, self.sign = judgement, sign


@app.command("list")
def list_portals(as_json: AsJson = False) -> None:
    """Name, walks, pace and parser version of each portal."""
    from propspider import portals

    found = [_described(portals.load(name)) for name in portals.names()]
    if as_json:
        print_json(found)
        return
    columns = ("name", "title", "scopes", "pace", "a day", "cap", "rendering", "parser")
    rows = [
        (
            row["name"],
            row["title"],
            ", ".join(row["scopes"]),
            f"{row['delay_seconds']:g} s a request",
            row["requests_per_day"],
            row["page_cap"],
            row["rendering"],
            row["parser_version"],
        )
        for row in found
    ]
    console().print(table(columns, rows, wide=("scopes",)))


def _described(portal: "Portal") -> dict[str, Any]:
    kept = ("title", "base_url", "delay_seconds", "requests_per_day", "page_cap", "rendering")
    described = {name: getattr(portal.facts, name) for name in kept}
    return {"name": portal.name, **described, "scopes": list(portal.facts.scopes), "parser_version": portal.parser_version}


@app.command("try")
def try_page(
    name: Name,
    url: Url = None,
    *,
    file: File = None,
    kind: Annotated[Kind | None, typer.Option("--kind", help="Found out by the page's markers if left out.")] = None,
    page_url: PageUrl = None,
    base_url: BaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show what is read from one page. Nothing is stored; a page from which nothing may be read says what it is instead."""
    from propspider.item_json import detail_json, listing_json
    from propspider.items import ManifestPage

    portal = _portal(name, base_url)
    response = _response(portal, url, file, page_url)
    try:
        read = _read(portal, response, kind)
    except Refused as refused:
        if as_json:
            print_json({"refused": refused.judgement, "sign": refused.sign, "url": str(response.url)})
        fail(f"{refused} ({response.url})")
    document = listing_json(read) if isinstance(read, ManifestPage) else detail_json(read)
    if as_json:
        print_json(document)
    elif isinstance(read, ManifestPage):
        _show_listing(document)
    else:
        console().print(facts((field, value) for field, value in document.items() if value is not None))


@app.command()
def fixture(
    name: Name,
    url: Url = None,
    *,
    kind: Annotated[Kind, typer.Option("--kind")],
    file: File = None,
    page_url: PageUrl = None,
    base_url: BaseUrl = None,
    into: Annotated[Path | None, typer.Option("--into", help="Folder of the fixtures; tests/portals/NAME if left out.")] = None,
) -> None:
    """Save a page, and what is read from it now, as a test. Look for personal data in it before you commit it."""
    from propspider.portals import Judgement
    from propspider.portals.fixtures import save

    portal = _portal(name, base_url)
    response = _response(portal, url, file, page_url)
    judgement, sign = portal.judge(response, kind)
    if judgement not in {Judgement.OK, Judgement.GONE, Judgement.WRONG_PAGE}:
        fail(f"{judgement.value}: {sign} ({response.url})")
    say(str(save(portal, kind, response, into or Path("tests") / "portals" / portal.name)))


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits and _.")],
    base_url: Annotated[str, typer.Option("--base-url", help="As https://www.example.com.")],
    into: Annotated[
        Path | None, typer.Option("--into", exists=True, file_okay=False, help="Instead of propspider/portals.")
    ] = None,
) -> None:
    """Write a new portal's folder; its comments tell what to fill in. Nothing is ever overwritten."""
    from propspider import portals
    from propspider.commands import skeleton

    try:
        folder = skeleton.write(name, base_url, into or Path(portals.__file__).parent)
    except skeleton.NotWritten as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    say(f"{folder}: fill in portal.toml, then pages.py; `propspider portal try {name} URL` shows what they read")


def _portal(name: str, base_url: str | None) -> "Portal":
    from propspider.config import load
    from propspider.spiders.base import PortalSpider

    _, portal, _ = PortalSpider.resolve({"portal": name, "base_url": base_url}, load())
    return portal


def _response(portal: "Portal", url: str | None, file: Path | None, page_url: str | None) -> "HttpResponse":
    from web_poet import HttpResponse

    if (url is None) == (file is None):
        raise typer.BadParameter("give a URL or --file, one of them")
    if file is not None:
        return HttpResponse(url=page_url or portal.facts.base_url, body=file.read_bytes(), status=200)
    from propspider.commands.fetch import NotFetched, fetch
    from propspider.commands.progress import child_environment

    try:
        return fetch(portal, str(url), environment=child_environment())
    except NotFetched as error:
        fail(str(error))


def _read(portal: "Portal", response: "HttpResponse", kind: Kind | None) -> "ManifestPage | PropertyItem":
    """Raises Refused with what the page is, for the first kind that was tried."""
    kinds: tuple[PageKind, ...] = (kind,) if kind else ("detail", "listing")
    first: Refused | None = None
    for tried in kinds:
        try:
            return _read_as(portal, response, tried)
        except Refused as refused:
            first = first or refused
    if first is None or kind or first.judgement != "wrong_page":
        raise first or Refused("wrong_page", "no kind of page")
    raise Refused("wrong_page", "neither a detail page nor a listing page")


def _read_as(portal: "Portal", response: "HttpResponse", kind: "PageKind") -> "ManifestPage | PropertyItem":
    from propspider.portals import Judgement, UnreadablePage

    judgement, sign = portal.judge(response, kind)
    if judgement is not Judgement.OK:
        raise Refused(judgement.value, sign)
    if kind == "listing":
        return portal.listing_page(response)
    try:
        return portal.detail_page(response)
    except UnreadablePage as error:
        raise Refused("wrong_page", str(error)) from error


def _show_listing(document: Mapping[str, Any]) -> None:
    columns = ("property_id", "title", "type", "offers", "latitude", "longitude", "exact")
    rows = [
        (
            entry["property_id"],
            entry["title"],
            entry["property_type"],
            "; ".join(offer_line(offer) for offer in entry["offers"]),
            entry["latitude"],
            entry["longitude"],
            entry["exact_location"],
        )
        for entry in document["entries"]
    ]
    console().print(table(columns, rows, wide=("title", "offers")))
    say(f"page {document['page']}, next {document['next_page'] or '-'}: {len(rows)} of {document['cards']} cards read,")
    say(f"the portal states {document['stated_total'] if document['stated_total'] is not None else 'no'} listings")
    for problem in document["problems"]:
        say(f"{problem['error_type']}: {problem['message']}")
