"""The sitemap as a second source of presence."""

import gzip

import pytest
from sqlalchemy import Engine

from propspider import portals
from propspider.items import Operation
from propspider.lab.world import World
from propspider.spiders import sitemap
from tests.builders import column, one, rows, run, scalar

from .crawling import Done, crawl
from .served import Answer, Lab, answering, laboratory, site

WORLD = World.create(40)
PINCALI = portals.load("pincali")


def read_sitemap(database_url: str, base_url: str) -> Done:
    return crawl("manifest", "source=sitemap", database_url=database_url, base_url=base_url)


def sweep(database_url: str, lab: Lab) -> None:
    done = crawl("manifest", "scope=sale", database_url=database_url, base_url=lab.base_url)
    assert done.code == 0, done.err


def test_presence_ends_a_count_of_misses_and_absence_begins_none(engine: Engine, database_url: str) -> None:
    hidden, gone = (f"pincali:{listing.public_id}" for listing in WORLD.by_operation[Operation.SALE][:2])
    shorter = WORLD.without([hidden.partition(":")[2], gone.partition(":")[2]])
    with laboratory(WORLD) as lab:
        sweep(database_url, lab)
        lab.becomes(shorter)
        for _ in range(2):
            sweep(database_url, lab)
        assert dict.fromkeys(column(engine, "SELECT missed FROM sighting_misses WHERE missed > 0")) == {2: None}
        lab.becomes(WORLD.without([gone.partition(":")[2]]))
        assert read_sitemap(database_url, lab.base_url).code == 0
    assert rows(engine, "SELECT property_id FROM sighting_misses WHERE missed > 0") == [{"property_id": gone}]
    assert scalar(engine, "SELECT count(*) FROM sweeps") == 3
    session = one(engine, "SELECT spider, status, arguments FROM scraping_sessions ORDER BY started_at DESC LIMIT 1")
    assert session == {"spider": "manifest", "status": "completed", "arguments": {"source": "sitemap"}}


def test_unknown_urls_are_fetched_and_become_the_listings_that_they_are(engine: Engine, database_url: str) -> None:
    with laboratory(WORLD, sitemap_size=15) as lab:
        sweep(database_url, lab)
        known = set(column(engine, "SELECT property_id FROM property_manifest"))
        assert read_sitemap(database_url, lab.base_url).code == 0
        assert len(lab.asked("/sitemaps/")) == 3
        unknown = len(WORLD.listings) - len(known)
        assert unknown > 0
        assert scalar(engine, "SELECT count(*) FROM property_manifest WHERE property_id LIKE '%:~%'") == unknown
        assert crawl("detail", database_url=database_url, base_url=lab.base_url).code == 0
    every = {f"pincali:{listing.public_id}" for listing in WORLD.listings}
    assert set(column(engine, "SELECT property_id FROM properties_live")) == every
    assert set(column(engine, "SELECT property_id FROM property_manifest")) == every
    assert set(column(engine, "SELECT property_id FROM property_state")) == every


def test_another_url_of_a_listing_counts(engine: Engine, database_url: str) -> None:
    listing = WORLD.by_operation[Operation.SALE][0]
    with laboratory(WORLD) as lab:
        sweep(database_url, lab)
        alias = """
            INSERT INTO url_aliases (portal, property_id, url, kind, reason)
            VALUES ('pincali', :id, :url, 'certain', 'another URL')
        """
        run(engine, alias, id=f"pincali:{listing.public_id}", url="https://www.pincali.com/en/home/as-it-was-called")
        lab.becomes(WORLD.renamed(listing.public_id, "as-it-was-called"))
        assert read_sitemap(database_url, lab.base_url).code == 0
    assert scalar(
        engine, "SELECT present_at IS NOT NULL FROM property_state WHERE property_id = :id", id=f"pincali:{listing.public_id}"
    )
    assert "as-it-was-called" not in str(column(engine, "SELECT property_id FROM property_manifest"))


SPOILT: dict[str, tuple[Answer, str]] = {
    "not found": (answering("", status=404), "http_status"),
    "a challenge": (answering("<html>gokuProps</html>", status=202), "blocked"),
    "a page": (answering("<html><body>hello</body></html>"), "unreadable"),
    "nothing": (answering(""), "unreadable"),
    "broken gzip": (answering(b"\x1f\x8brubbish"), "unreadable"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_sitemap_that_cannot_be_read_is_an_error(engine: Engine, database_url: str, name: str) -> None:
    answer, error = SPOILT[name]
    with site({"/sitemap.xml": answer}) as portal:
        done = read_sitemap(database_url, portal.base_url)
    assert done.code == 1
    assert "Traceback" not in done.err
    assert column(engine, "SELECT error_type FROM scraping_errors") == [error]


def test_arguments_that_do_not_go_together_are_told(database_url: str) -> None:
    done = crawl("manifest", "source=sitemap", "pages=3", database_url=database_url, base_url=None)
    assert done.code == 2
    assert "source=sitemap takes neither pages nor scope" in done.err


@pytest.mark.parametrize(
    ("url", "stored"),
    [
        ("https://www.pincali.com/inmueble/casa-x", "https://www.pincali.com/en/home/casa-x"),
        ("https://www.pincali.com/en/home/casa-x", "https://www.pincali.com/en/home/casa-x"),
        ("https://www.pincali.com/pt/imovel/casa-x", "https://www.pincali.com/en/home/casa-x"),
        ("https://www.pincali.com/en/properties/houses-for-sale", None),
        ("https://elsewhere.example/en/home/casa-x", None),
        ("http://[", None),
    ],
)
def test_a_listing_has_one_url_whatever_its_language(url: str, stored: str | None) -> None:
    assert PINCALI.listing_url(url) == stored


def test_the_hosts_of_sitemaps_are_reached_for_sitemaps_only() -> None:
    assert "assets.easybroker.com" in PINCALI.sitemap_hosts
    assert "assets.easybroker.com" not in PINCALI.hosts
    mirrored = PINCALI.with_base("http://127.0.0.1:9", allow_private=True)
    assert mirrored.sitemap_hosts == {"127.0.0.1:9"}


def test_urls_come_once_and_in_portions() -> None:
    urls = [f"https://www.pincali.com/{root}/casa-{number}" for number in range(6000) for root in ("en/home", "inmueble")]
    portions = list(sitemap.listings(sitemap.Content("listings", tuple(urls)), PINCALI))
    assert [len(portion) for portion in portions] == [5000, 1000]
    assert len(set().union(*portions)) == 6000


def test_a_bomb_is_no_sitemap() -> None:
    bomb = gzip.compress(b"<urlset>" + b" " * (sitemap.MOST_BYTES + 1))
    with pytest.raises(sitemap.UnreadableSitemap):
        sitemap.read(bomb)
