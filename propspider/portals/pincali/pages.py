"""Pincali's two kinds of page. Fixtures are filed under these classes' full names: renaming moves them."""

import re
from urllib.parse import urlsplit

from web_poet import WebPage

from propspider.items import ManifestPage, Operation, PropertyItem
from propspider.portals.contract import Portal, load
from propspider.portals.pincali import markup
from propspider.portals.pincali.cards import page_number, page_url, read_listing
from propspider.portals.pincali.detail import read_detail
from propspider.portals.pincali.parts import part_url

__all__ = ["DetailPage", "ListingPage", "listing_url", "nowhere_url", "page_number", "page_url", "part_url"]


class ListingPage(WebPage[ManifestPage]):
    def read(self, portal: Portal, operation: Operation | None = None) -> ManifestPage:
        """`operation` stands for cards that state none."""
        return read_listing(markup.parse(self.response), str(self.response.url), portal, operation)

    async def to_item(self) -> ManifestPage:
        return self.read(load("pincali"))


class DetailPage(WebPage[PropertyItem]):
    def read(self, portal: Portal) -> PropertyItem:
        """Raises UnreadablePage when the page names no listing."""
        return read_detail(markup.parse(self.response), str(self.response.url), portal)

    async def to_item(self) -> PropertyItem:
        return self.read(load("pincali"))


def nowhere_url(portal: Portal, number: int) -> str:
    return f"{portal.facts.base_url}/en/home/no-such-listing-{number}"


_DETAIL_PATH = re.compile(r"/(?:en/home|inmueble|pt/imovel)/(?P<slug>[^/]+)")


def listing_url(portal: Portal, url: str) -> str | None:
    match = _DETAIL_PATH.fullmatch(urlsplit(url).path)
    return f"{portal.facts.base_url}/en/home/{match['slug']}" if match else None
