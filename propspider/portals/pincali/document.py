"""One parsed detail page and what several of its readers need.

Stated empty is what the page shows as empty: a data row with a blank value, an amenities section without amenities. A feature,
row or section that is missing states nothing, nor do the phones that it hides; a price on request is an offer of that kind.
"""

from dataclasses import dataclass, field
from functools import cached_property

from selectolax.lexbor import LexborHTMLParser

from propspider.fields import place
from propspider.fields.place import Place
from propspider.fields.text import clean_line
from propspider.items import DATA_FIELDS
from propspider.portals.contract import Portal
from propspider.portals.pincali import markup, media
from propspider.portals.pincali.facts import read_rows
from propspider.portals.pincali.markup import Json

_BLANK_ROW = {"", "-", "--", "—", "–", "n/a", "n/d", "na", "no disponible", "not available", "sin especificar", "none"}


@dataclass
class Document:
    """One parsed page, freed of other listings, with what several readers need."""

    tree: LexborHTMLParser
    url: str
    portal: Portal
    warnings: list[str] = field(default_factory=list)
    stated_empty: set[str] = field(default_factory=set)

    @cached_property
    def block(self) -> Json:
        """The portal's own summary of the listing; {} where it is missing or broken."""
        for node in self.tree.css("[data-track-custom-properties]"):
            found = markup.read_object(node.attributes.get("data-track-custom-properties"))
            if "Property ID" in found:
                return found
        return {}

    @cached_property
    def source_url(self) -> str:
        canonical = markup.attribute(self.tree.css_first('link[rel="canonical"]'), "href")
        own = markup.own_url(self.portal, self.url, canonical)
        return own if own and markup.path_of(own) else self.portal.site_url(self.url)

    @cached_property
    def listing(self) -> Json | None:
        """The JSON-LD of this listing: the one with its path, or the only one if that names no URL."""
        found = list(markup.linked_listings(self.tree))
        own = {markup.path_of(self.source_url), markup.path_of(self.url)}
        named = [one for one in found if markup.path_of(one.get("url") or one.get("@id")) in own]
        unnamed = [one for one in found if not (one.get("url") or one.get("@id"))]
        return named[0] if named else (unnamed[0] if len(found) == 1 and unnamed else None)

    @cached_property
    def rows(self) -> dict[str, str]:
        """`label → value` of the data rows that say something; a blank value states its field empty."""
        rows = read_rows(self.tree)
        blank = {name for name, value in rows.items() if value.casefold() in _BLANK_ROW}
        self.stated_empty |= blank.intersection(DATA_FIELDS)
        return {name: value for name, value in rows.items() if name not in blank}

    @cached_property
    def internal_id(self) -> str | None:
        for selector in (".listing__header .favorite-button", ".listing .favorite-button"):
            if number := markup.digits(markup.attribute(self.tree.css_first(selector), "data-id")):
                return number
        image = media.first_own_image(self.tree)
        return image["internal"] if image else None

    @cached_property
    def card_line(self) -> Place:
        return place.read_card_line(markup.line(self.tree.css_first("h2.location")))

    def text(self, name: str) -> str | None:
        """One text of the summary block."""
        value = self.block.get(name)
        return clean_line(value) if isinstance(value, str) else None

    def linked(self, *names: str) -> object:
        """A value inside the JSON-LD listing."""
        value: object = self.listing
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return value
