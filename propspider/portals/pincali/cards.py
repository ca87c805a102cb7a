"""A listing page → its cards. Selected by class only: the cards were `li` in 2025 and are `div` since 2026."""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from propspider.fields import listing_id, place
from propspider.items import ErrorType, ManifestEntry, ManifestPage, Offer, Operation, Problem
from propspider.portals.contract import Portal
from propspider.portals.pincali import markup
from propspider.portals.pincali.markup import Json
from propspider.portals.pincali.offers import Prices, linked_prices

_CARD = "property__component"
_DIGITS = re.compile(r"[0-9][0-9,.\s]*")


def page_url(scope_url: str, page: int) -> str:
    """Page 1 has no parameter, as in the portal's own links."""
    parts = urlsplit(scope_url)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "page"]
    if page > 1:
        query.append(("page", str(page)))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(query), ""))


def page_number(url: str) -> int:
    """1 where the URL names no page."""
    try:
        query = parse_qsl(urlsplit(url).query)
    except ValueError:
        return 1
    return next((int(number) for name, value in query if name == "page" and (number := markup.digits(value))), 1) or 1


@dataclass
class _Card:
    """The nodes of one card that are read, found in one walk over it."""

    node: LexborNode
    href: str | None = None
    slide_href: str | None = None
    title: LexborNode | None = None
    location: LexborNode | None = None
    number: str | None = None
    prices: list[LexborNode] = field(default_factory=list)
    images: list[str] = field(default_factory=list)


@dataclass
class _Reader:
    """Reads the cards of one page and collects what could not be read."""

    url: str
    portal: Portal
    operation: Operation | None
    linked: dict[str, Json]
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def read(self, card: _Card) -> ManifestEntry | None:
        href = card.href or card.slide_href
        source_url = markup.own_url(self.portal, self.url, href)
        if source_url is None:
            self._refuse("card/off_site" if href else "card/no_link", href)
            return None
        key, number = _ids(card)
        if key:
            property_id = listing_id.property_id(self.portal.name, key)
        elif number:
            property_id = listing_id.provisional_id(self.portal.name, number)
        else:
            self._refuse("card/no_id", source_url)
            return None
        if key and not markup.ids_agree(key, number):
            self.warnings.append("id/disagreement")
        listing = self.linked.get(markup.path_of(source_url) or "")
        where = self._coordinates(card.node)
        return ManifestEntry(
            property_id=property_id,
            source_url=source_url,
            title=_title(card, listing),
            latitude=where.latitude if where else None,
            longitude=where.longitude if where else None,
            exact_location={"true": True, "false": False}.get(markup.attribute(card.node, "data-exact-location") or ""),
            offers=self._offers(card, listing),
            internal_id=number,
            property_type=markup.property_type(_type_labels(card, listing), self.warnings),
        )

    def _refuse(self, warning: str, raw: str | None) -> None:
        self.problems.append(Problem(ErrorType.CARD, _REFUSED[warning], raw=raw))
        self.warnings.append(warning)

    def _coordinates(self, node: LexborNode) -> place.Coordinates | None:
        reading = place.read_coordinates(markup.attribute(node, "data-lat"), markup.attribute(node, "data-long"))
        if reading.unknown:
            self.warnings.append("coordinates/unknown")
        return reading.value

    def _offers(self, card: _Card, listing: Json | None) -> tuple[Offer, ...]:
        prices = Prices(currency=self.portal.facts.currency, operation=self.operation)
        linked = linked_prices(listing)
        for block in card.prices:
            prices.add(block, linked)
        prices.add_linked(linked)
        self.problems.extend(Problem(ErrorType.CARD, "a card's price is unreadable", raw=text) for text in prices.unreadable)
        self.warnings.extend(prices.warnings)
        if not prices.offers and not prices.warnings:
            self.warnings.append("price/missing")
        return tuple(prices.offers)


_TWICE = "card/duplicate"
_REFUSED = {
    "card/off_site": "a card links off the portal",
    "card/no_link": "a card has no link",
    "card/no_id": "a card names no listing",
}


def read_listing(tree: LexborHTMLParser, url: str, portal: Portal, operation: Operation | None) -> ManifestPage:
    similar = {node.mem_id for node in tree.css(f".listing__similar-properties .{_CARD}")}
    nodes = [node for node in tree.css(f".{_CARD}") if node.mem_id not in similar]
    linked = {path: one for one in markup.linked_listings(tree) if (path := markup.path_of(one.get("url") or one.get("@id")))}
    reader = _Reader(url, portal, operation, linked)
    entries: dict[str, ManifestEntry] = {}
    for node in nodes:
        entry = reader.read(_walk(node))
        if entry is not None and entries.setdefault(entry.property_id, entry) is not entry:
            reader.warnings.append(_TWICE)
    page = _current_page(tree, url)
    return ManifestPage(
        entries=tuple(entries.values()),
        stated_total=_stated_total(tree),
        page=page,
        next_page=_next_page(tree, page),
        cards=len(nodes) - reader.warnings.count(_TWICE),
        problems=tuple(reader.problems),
        warnings=tuple(reader.warnings),
    )


def _walk(node: LexborNode) -> _Card:
    card = _Card(node)
    walk = node.traverse()
    next(walk)
    for part in walk:
        # Every access copies all attributes.
        attributes = part.attributes
        names = (attributes.get("class") or "").split()
        if _CARD in names:
            # An unclosed card holds all that follow it.
            break
        _notice(card, part, names, attributes)
    return card


def _notice(card: _Card, part: LexborNode, names: list[str], attributes: dict[str, str | None]) -> None:
    if part.tag == "a":
        href = attributes.get("href") or None
        if "property__content" in names:
            card.href = card.href or href
        card.slide_href = card.slide_href or href
    elif part.tag == "img":
        card.images.append(attributes.get("data-src") or attributes.get("src") or "")
    elif "price" in names:
        card.prices.append(part)
    elif "favorite-button" in names:
        card.number = card.number or markup.digits(attributes.get("data-id"))
    elif "title" in names:
        card.title = card.title or part
    elif "location" in names:
        card.location = card.location or part


def _ids(card: _Card) -> tuple[str | None, str | None]:
    """Public key and internal number, from the card's attributes, else from its image files, those under its own number first."""
    found = [match for src in card.images if (match := markup.IMAGE_PATH.search(src))]
    own = [match for match in found if card.number in {None, match["internal"]}] or found
    named = [(key, match["internal"]) for match in own if (key := markup.public_id(match["name"]))]
    stated = markup.attribute(card.node, "data-id")
    key = markup.public_id(stated) or (named[0][0] if named else None)
    number = card.number or markup.digits(stated) or (own[0]["internal"] if own else None)
    return key, number


def _title(card: _Card, listing: Json | None) -> str | None:
    named = listing.get("name") if listing else None
    return markup.line(card.title) or (named if isinstance(named, str) else None)


def _type_labels(card: _Card, listing: Json | None) -> list[object]:
    return [listing.get("category") if listing else None, place.read_card_line(markup.line(card.location)).type_label]


def _stated_total(tree: LexborHTMLParser) -> int | None:
    stated = markup.digits(markup.attribute(tree.css_first("[data-total]"), "data-total"))
    if stated is None and (shown := _DIGITS.match(markup.line(tree.css_first(".action__result h2")) or "")):
        stated = markup.digits(re.sub(r"[,.\s]", "", shown.group()))
    return int(stated) if stated else None


def _current_page(tree: LexborHTMLParser, url: str) -> int:
    shown = markup.digits(markup.line(tree.css_first(".pagination .current")))
    return (int(shown) if shown else 0) or page_number(url)


def _next_page(tree: LexborHTMLParser, page: int) -> int | None:
    """A last page keeps the button's link, only disabled."""
    button = tree.css_first(".pagination .next")
    if button is None or "disabled" in markup.classes(button):
        return None
    link = button if button.tag == "a" else button.css_first("a[href]")
    following = page_number(markup.attribute(link, "href") or "")
    return following if following > page else None
