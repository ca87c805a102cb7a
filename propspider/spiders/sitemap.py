"""Reads a portal's sitemap: which detail pages there are, by their URLs. Says nothing of what it leaves out."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from scrapy.utils.gz import gunzip
from scrapy.utils.sitemap import Sitemap

from propspider.portals import Portal

MOST_BYTES = 100 * 1024 * 1024
"""Of one part, uncompressed: twice what the protocol allows."""
URLS_PER_ITEM = 5000


class UnreadableSitemap(ValueError):
    """No XML, no sitemap, or more than MOST_BYTES."""


@dataclass(frozen=True)
class Content:
    """`locations` are the URLs of an index's parts, or of listings."""

    kind: Literal["index", "listings"]
    locations: tuple[str, ...]


def read(body: bytes) -> Content:
    """Compressed or not. Raises UnreadableSitemap."""
    try:
        # lxml's error for what is no XML is a SyntaxError.
        plain = gunzip(body, max_size=MOST_BYTES) if body.startswith(b"\x1f\x8b") else body
        found = Sitemap(plain)
        kinds: dict[str, Literal["index", "listings"]] = {"sitemapindex": "index", "urlset": "listings"}
        kind = kinds.get(found.type)
        locations = tuple(entry["loc"] for entry in found if entry.get("loc"))
    except (SyntaxError, StopIteration, zlib.error, OSError, EOFError, ValueError) as error:
        raise UnreadableSitemap(f"{type(error).__name__}: {error}") from error
    if kind is None:
        raise UnreadableSitemap(f"its root is {found.type!r}")
    return Content(kind, locations)


def listings(content: Content, portal: Portal) -> Iterator[tuple[str, ...]]:
    """The listings' URLs as they are stored, each once, URLS_PER_ITEM at a time."""
    urls = dict.fromkeys(url for location in content.locations if (url := portal.listing_url(location)) is not None)
    ordered = list(urls)
    return (tuple(ordered[start : start + URLS_PER_ITEM]) for start in range(0, len(ordered), URLS_PER_ITEM))
