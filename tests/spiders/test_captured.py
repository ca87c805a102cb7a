"""The real spiders on pages as a portal really served them."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Engine

from propspider.sync import arrivals
from tests.builders import PORTAL, column, entry, new_session, offer, one, page, rows

from .crawling import crawl
from .served import Answer, answering, site

LISTING_PATH = "/en/properties/properties-for-sale"
SAN_ANGEL = "https://www.pincali.com/en/home/espectacular-casa-moderna-en-san-angel-con-diseno-de-lujo"


def body(folder: Path, pattern: str) -> bytes:
    (path,) = (folder / "pincali").glob(pattern)
    return path.read_bytes()


def test_a_captured_listing_page_fills_the_manifest(engine: Engine, database_url: str, shared_real: Path) -> None:
    with site({LISTING_PATH: answering(body(shared_real, "listing_en_*.html"))}) as portal:
        done = crawl("manifest", "scope=sale", "pages=1", database_url=database_url, base_url=portal.base_url)
    assert done.code == 0, done.err
    cards = rows(engine, "SELECT * FROM property_manifest")
    assert len(cards) == 24
    assert all(card["property_id"].startswith("pincali:EB-") for card in cards)
    assert all(card["latitude"] and card["longitude"] and card["exact_location"] is not None for card in cards)
    assert {card["exact_location"] for card in cards} == {True, False}
    offers = rows(engine, "SELECT * FROM property_offers")
    assert len(offers) == 25
    assert {(row["kind"], row["unit"]) for row in offers} == {("exact", "total")}
    both = rows(
        engine,
        "SELECT operation, amount, currency FROM property_offers JOIN property_manifest USING (property_id) "
        "WHERE source_url = :url ORDER BY operation",
        url=SAN_ANGEL,
    )
    assert [tuple(row.values()) for row in both] == [("rent", 12_000, "USD"), ("sale", 43_000_000, "MXN")]
    sweep = one(engine, "SELECT * FROM sweeps")
    assert (sweep["first_stated_total"], sweep["cards"], sweep["entries"]) == (413_954, 24, 24)
    assert column(engine, "SELECT DISTINCT queue_reason FROM scrape_queue") == ["new_property"]
    assert rows(engine, "SELECT * FROM scraping_errors") == []


def test_a_captured_detail_page_fills_live(engine: Engine, database_url: str, shared_real: Path) -> None:
    path = "/en/home/house-for-rent-in-quintas-del-rey"
    card = entry("pincali:EB-UR0278", offer(10_100, operation="rent"), source_url=f"https://www.pincali.com{path}")
    with engine.begin() as connection:
        arrivals.record_pages(connection, new_session(engine), [page(card, scope="rent")], pages_wanted=1)
    answers: dict[str, Answer] = {path: answering(body(shared_real, "detail_en_rent_EB-UR0278_*.html"))}
    with site(answers) as portal:
        done = crawl("detail", "property_id=pincali:EB-UR0278", database_url=database_url, base_url=portal.base_url)
    assert done.code == 0, done.err
    live = one(engine, "SELECT * FROM properties_live")
    assert (live["property_id"], live["portal"]) == ("pincali:EB-UR0278", PORTAL)
    assert (live["operation_type"], live["price"], live["currency"]) == ("rent", 10_100, "MXN")
    assert (live["property_type"], live["bedrooms"], live["bathrooms"], live["parking_spaces"]) == ("house", 2, 1, 2)
    assert (live["neighborhood"], live["city"], live["state"]) == ("Quintas del Rey II", "Mexicali", "Baja California")
    assert live["published_at"] == datetime.fromisoformat("2025-11-11T14:23:39-06:00")
    assert len(live["image_urls"]) == len(set(live["image_urls"])) == 18
    assert live["title"] == "House for rent in Quintas del Rey"
    assert live["title_original"] == "Casa en renta en Quintas del Rey"
    assert live["description"] != live["description_original"]
    assert live["description_original"] not in live["description"]
    assert live["data_completeness_score"] >= Decimal("0.85")
    assert column(engine, "SELECT status FROM scrape_queue") == ["completed"]


def test_the_other_details_of_a_captured_page_are_gone_not_lost(engine: Engine, database_url: str, shared_real: Path) -> None:
    with site({LISTING_PATH: answering(body(shared_real, "listing_en_*.html"))}) as portal:
        crawl("manifest", "scope=sale", "pages=1", database_url=database_url, base_url=portal.base_url)
        done = crawl("detail", "limit=5", database_url=database_url, base_url=portal.base_url)
    assert done.code == 1
    assert "crawl failed: nothing could be read" in done.err
    assert "Traceback" not in done.err
    assert column(engine, "SELECT error_type FROM scraping_errors") == ["gone"] * 5
    counts = rows(engine, "SELECT status, attempt_count, count(*) AS n FROM scrape_queue GROUP BY 1, 2 ORDER BY 2")
    assert [tuple(row.values()) for row in counts] == [("pending", 0, 19), ("pending", 1, 5)]
