"""Pictures, videos and tours of a detail page: only http(s), only this listing's."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from propspider.portals.pincali import markup

_PICTURES = (".photo-tour__grid img", ".listing__media .slideshow img", ".property__gallery .picture img")
"""The photo tour has them all; the gallery only the first five."""
_MEDIA_NODES = (
    ".listing__media a, .listing__media iframe, .listing__media video, .listing__media source, .listing__media [data-url]"
)
_VIDEO_HOSTS = ("youtube.com", "youtu.be", "youtube-nocookie.com", "vimeo.com")
_TOUR_HOSTS = ("matterport.com", "kuula.co", "cloudpano.com", "iguide.com", "momento360.com", "theasys.io")
_TOUR_WORDS = re.compile(r"virtual[-_ ]?tour|tour[-_ ]?virtual|recorrido", re.IGNORECASE)


def first_own_image(tree: LexborHTMLParser) -> re.Match[str] | None:
    """Which listing the first picture is filed under; the similar listings must be gone from the tree."""
    return next((match for src in _sources(tree) if (match := markup.IMAGE_PATH.search(src))), None)


def images(tree: LexborHTMLParser, base: str, internal: str | None, key: str) -> tuple[str, ...]:
    """In the page's order, each picture once. Told from other listings' by the number, or without one the key, in the path."""
    for selector in _PICTURES:
        found: dict[str, str] = {}
        for src in filter(None, map(_source, tree.css(selector))):
            match, url = markup.IMAGE_PATH.search(src), markup.web_url(base, src)
            if match and url and (match["internal"] == internal if internal else markup.public_id(match["name"]) == key):
                found.setdefault(match["image"], url)
        if found:
            return tuple(found.values())
    return ()


def video(tree: LexborHTMLParser, base: str) -> str | None:
    return next((url for url, _ in _links(tree, base) if _is_on(url, _VIDEO_HOSTS)), None)


def virtual_tour(tree: LexborHTMLParser, base: str) -> str | None:
    """A link to a host of tours, or one that calls itself a tour and is no video."""
    for url, words in _links(tree, base):
        if _is_on(url, _TOUR_HOSTS) or (_TOUR_WORDS.search(words) and not _is_on(url, _VIDEO_HOSTS)):
            return url
    return None


def _links(tree: LexborHTMLParser, base: str) -> Iterator[tuple[str, str]]:
    for node in tree.css(_MEDIA_NODES):
        for name in ("href", "src", "data-src", "data-url"):
            stated = markup.attribute(node, name)
            if stated and not stated.startswith("#") and (url := markup.web_url(base, stated)):
                yield url, f"{' '.join(markup.classes(node))} {markup.line(node) or ''}"


def _sources(tree: LexborHTMLParser) -> Iterator[str]:
    for selector in _PICTURES:
        yield from filter(None, map(_source, tree.css(selector)))


def _source(node: LexborNode) -> str | None:
    return markup.attribute(node, "data-src") or markup.attribute(node, "src")


def _is_on(url: str, hosts: tuple[str, ...]) -> bool:
    host = urlsplit(url).hostname or ""
    return any(host == one or host.endswith(f".{one}") for one in hosts)
