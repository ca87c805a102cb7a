"""The sitemap as its readers take it: an index, compressed parts, the portal's own URLs."""

import gzip
from urllib.parse import urlsplit

from scrapy.utils.sitemap import Sitemap

from propspider.lab.pages import SITE
from propspider.lab.server import create_app, set_world
from propspider.lab.serving import serve
from propspider.lab.world import Standing, World

from .client import Site

WORLD = World.create(25)


def read(site: Site, index: Site | None = None) -> list[str]:
    """All URLs of the parts that `site` serves, named by the index of `index`."""
    named = Sitemap((index or site).ask("/sitemap.xml").body)
    assert named.type == "sitemapindex"
    parts = [Sitemap(gzip.decompress(site.ask(urlsplit(entry["loc"]).path).body)) for entry in named]
    assert {part.type for part in parts} <= {"urlset"}
    return [entry["loc"] for part in parts for entry in part]


def urls(world: World) -> list[str]:
    return [f"{SITE}/en/home/{listing.slug}" for listing in world.shown]


def test_the_parts_of_the_index_hold_every_listing_once_under_the_portals_name() -> None:
    app = create_app(WORLD, sitemap_size=10)
    with serve(app) as base_url:
        site = Site(base_url, app, WORLD)
        entries = list(Sitemap(site.ask("/sitemap.xml").body))
        assert [entry["loc"] for entry in entries] == [f"{SITE}/sitemaps/properties-{number}.xml.gz" for number in (1, 2, 3)]
        assert {entry["lastmod"] for entry in entries} == {WORLD.now.isoformat()}
        assert read(site) == urls(WORLD)


def test_a_part_is_gzip_without_content_encoding_and_dates_its_listings(site: Site) -> None:
    answer = site.ask("/sitemaps/properties-1.xml.gz")
    assert answer.headers["content-type"] == "application/gzip"
    assert "content-encoding" not in answer.headers
    dates = [entry["lastmod"] for entry in Sitemap(gzip.decompress(answer.body))]
    assert dates == [listing.published_at.isoformat() for listing in site.world.listings]


def test_parts_that_there_are_not_are_404(site: Site) -> None:
    for name in ("properties-0.xml.gz", "properties-2.xml.gz", "properties-x.xml.gz", "other.xml"):
        assert site.ask(f"/sitemaps/{name}").status == 404


def test_parts_can_be_on_another_host() -> None:
    other = create_app(WORLD)
    with serve(other) as other_url:
        app = create_app(WORLD, sitemap_base=other_url)
        with serve(app) as base_url:
            site, parts = Site(base_url, app, WORLD), Site(other_url, other, WORLD)
            assert [entry["loc"] for entry in Sitemap(site.ask("/sitemap.xml").body)] == [
                f"{other_url}/sitemaps/properties-1.xml.gz"
            ]
            assert site.ask("/sitemaps/properties-1.xml.gz").status == 404
            assert read(parts, index=site) == urls(WORLD)


def test_what_is_sold_or_gone_is_in_no_part() -> None:
    first, second, *_ = WORLD.listings
    app = create_app(WORLD)
    with serve(app) as base_url:
        set_world(app, WORLD.without([first.public_id]).marked(second.public_id, Standing.SOLD))
        assert read(Site(base_url, app, WORLD)) == urls(WORLD)[2:]
