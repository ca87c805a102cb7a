"""The simulated portal's sitemap: an index of compressed parts, each listing shown in one of them."""

import gzip
from collections.abc import Sequence
from html import escape

from propspider.lab.world import Listing, World

PART_SIZE = 5_000
_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


def part_path(number: int) -> str:
    return f"/sitemaps/properties-{number}.xml.gz"


def index(world: World, *, base: str, size: int = PART_SIZE) -> bytes:
    """`base` is scheme and host of the parts, `size` the URLs of each."""
    changed = world.now.isoformat()
    parts = range(1, -(-len(world.shown) // size) + 1)
    return _document("sitemapindex", "".join(_entry("sitemap", base + part_path(number), changed) for number in parts))


def part(world: World, number: int, *, root: str, size: int = PART_SIZE) -> bytes | None:
    """gzip; None for a part that there is not. `root` is what precedes a listing's slug; parts count from 1."""
    listings: Sequence[Listing] = world.shown[(number - 1) * size : number * size] if number >= 1 else ()
    if not listings:
        return None
    entries = (_entry("url", f"{root}/{listing.slug}", listing.published_at.isoformat()) for listing in listings)
    return gzip.compress(_document("urlset", "".join(entries)), mtime=0)


def _entry(tag: str, url: str, changed: str) -> str:
    return f"<{tag}><loc>{escape(url)}</loc><lastmod>{changed}</lastmod></{tag}>"


def _document(tag: str, content: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><{tag} xmlns="{_NAMESPACE}">{content}</{tag}>'.encode()
