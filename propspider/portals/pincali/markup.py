"""What both kinds of page share: parsing without surprises, ids, links, embedded JSON."""

import json
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode
from w3lib.url import safe_url_string
from web_poet import HttpResponse

from propspider.fields import vocabulary
from propspider.fields.text import clean_line
from propspider.items import PropertyType
from propspider.portals.contract import Portal

Json = dict[str, Any]

PUBLIC_ID = re.compile(r"(?<![A-Za-z0-9])EB-[A-Z]{1,5}[0-9]{3,6}(?![A-Za-z0-9])", re.IGNORECASE)
IMAGE_PATH = re.compile(r"/property_images/(?P<internal>[0-9]{1,12})/(?P<image>[0-9]{1,15})/(?P<name>[^/?#]*)")

_BREAKING = frozenset({"br", "p", "div", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "tr", "section"})
_MAX_URL = 2000


def parse(response: HttpResponse) -> LexborHTMLParser:
    """A page may declare a codec that decodes no text (`idna`, `rot13`) or decodes to lone surrogates, which stop the parser."""
    try:
        # Bytes: a text would be encoded once more by the parser.
        page = response.text.encode()
    except UnicodeEncodeError:
        page = response.text.encode("utf-8", "replace")
    except (LookupError, ValueError):
        page = bytes(response.body).decode("utf-8", "replace").encode()
    return LexborHTMLParser(page or b" ")


def classes(node: LexborNode) -> list[str]:
    return (node.attributes.get("class") or "").split()


def attribute(node: LexborNode | None, name: str) -> str | None:
    """None for a missing or empty attribute."""
    return (node.attributes.get(name) or None) if node is not None else None


def line(node: LexborNode | None) -> str | None:
    """The node's whole text on one line."""
    return clean_line(node.text(separator=" ")) if node is not None else None


def fragments(node: LexborNode) -> list[str]:
    """The non-empty text nodes, each on one line."""
    texts = (clean_line(text) for text in node.text(separator="\x1f").split("\x1f"))
    return [text for text in texts if text]


def paragraphs(node: LexborNode) -> str | None:
    """The text with its line breaks; None for a blank node."""
    pieces: list[str] = []
    for part in node.traverse(include_text=True):
        if part.is_text_node:
            pieces.append(part.text_content or "")
        elif part.tag in _BREAKING:
            pieces.append("\n")
    return "".join(pieces).strip() or None


def public_id(text: str | None) -> str | None:
    """The first `EB-XX1234` of a text, upper case."""
    match = PUBLIC_ID.search(text) if text else None
    return match.group().upper() if match else None


def digits(text: str | None) -> str | None:
    """An internal number; None for anything but 1 to 12 digits."""
    stripped = (text or "").strip()
    return stripped if stripped.isascii() and stripped.isdigit() and len(stripped) <= 12 else None


def property_type(labels: Iterable[object], warnings: list[str]) -> PropertyType | None:
    """The first label that is in the vocabulary; a warning when there were labels and none is."""
    readings = [vocabulary.read_property_type(label) for label in labels if isinstance(label, str)]
    if known := next((reading.value for reading in readings if reading.value), None):
        return known
    if any(reading.unknown for reading in readings):
        warnings.append("type/unknown")
    return None


def ids_agree(key: str, internal: str | None) -> bool:
    """Both numbers of a listing end in the same four digits, as they did on every captured page."""
    return internal is None or key[-4:] == internal[-4:].zfill(4)


def own_url(portal: Portal, base: str, href: str | None) -> str | None:
    """The portal's own absolute URL of a link, as it is stored; None for links elsewhere and for what is no URL."""
    absolute = web_url(base, href)
    if absolute is None or not portal.owns(absolute):
        return None
    return portal.site_url(absolute)


def web_url(base: str, href: str | None) -> str | None:
    """An absolute http(s) URL in ASCII, or None."""
    if not href or len(href) > _MAX_URL:
        return None
    try:
        absolute = safe_url_string(urljoin(base, href.strip()))
        parts = urlsplit(absolute)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return absolute if valid else None


def path_of(url: object) -> str | None:
    """The path that names a listing, for joining on it."""
    if not isinstance(url, str):
        return None
    try:
        return urlsplit(url).path.rstrip("/") or None
    except ValueError:
        return None


def read_json(text: str | None) -> object:
    """None for what is not JSON; numbers with a fraction are Decimal."""
    try:
        return json.loads(text or "", parse_float=Decimal)
    except (ValueError, RecursionError, ArithmeticError):
        return None


def read_object(text: str | None) -> Json:
    found = read_json(text)
    return found if isinstance(found, dict) else {}


def linked_listings(tree: LexborHTMLParser) -> Iterator[Json]:
    """The JSON-LD objects that describe a listing, also inside lists and @graph."""
    for script in tree.css('script[type="application/ld+json"]'):
        yield from _listings(read_json(script.text()), depth=3)


def _listings(found: object, *, depth: int) -> Iterator[Json]:
    if isinstance(found, list) and depth:
        for one in found:
            yield from _listings(one, depth=depth - 1)
    elif isinstance(found, dict):
        kinds = found.get("@type")
        if "RealEstateListing" in (kinds if isinstance(kinds, list) else [kinds]):
            yield found
        elif depth:
            yield from _listings(found.get("@graph"), depth=depth - 1)
