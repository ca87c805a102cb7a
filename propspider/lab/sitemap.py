"""The simulated portal's sitemap: an index of compressed parts, each listing shown in one of them."""

import gzip
from collections.abc import Iterable
from datetime import datetime
from html import escape

PART_SIZE = 5_000
_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


def part_path(number: int) -> str:
    return f"/sitemaps/properties-{number}.xml.gz"


def index(listings: int, now: datetime, *, base: str, size: int = PART_SIZE) -> bytes:
    """`base` is scheme and host of the parts, `size` the URLs of each."""
    changed = now.isoformat()
    parts = range(1, -(-listings // size) + 1)
    return _document("sitemapindex", "".join(_entry("sitemap", base + part_path(number), changed) for number in parts))


def part(entries: Iterable[tuple[str, datetime]]) -> bytes | None:
    """gzip of URLs and their dates; None for a part without any, which there is not."""
    content = "".join(_entry("url", url, changed.isoformat()) for url, changed in entries)
    return gzip.compress(_document("urlset", content), mtime=0) if content else None


def _entry(tag: str, url: str, changed: str) -> str:
    return f"<{tag}><loc>{escape(url)}</loc><lastmod>{changed}</lastmod></{tag}>"


def _document(tag: str, content: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><{tag} xmlns="{_NAMESPACE}">{content}</{tag}>'.encode()
