"""Detail pages of the benchmark's own portal, in need."""

from sqlalchemy import text

from benchmarks.ground import PORTAL
from benchmarks.site import detail_path, samples
from propspider import portals
from propspider.db.engine import create_engine

_MANIFEST = """
INSERT INTO property_manifest (property_id, portal, source_url, first_seen_at, observed_at)
SELECT u.property_id, :portal, u.source_url, now() - interval '1 day', now() - interval '1 day'
FROM unnest(CAST(:property_ids AS text[]), CAST(:source_urls AS text[])) AS u (property_id, source_url)
"""
_STATE = "INSERT INTO property_state (property_id, portal) SELECT unnest(CAST(:property_ids AS text[])), :portal"


def put_details_in_need(url: str, count: int) -> None:
    """Listings 1 … count, seen on a listing page and never fetched."""
    numbers = range(1, count + 1)
    base = portals.load(PORTAL).facts.base_url
    listings = {
        "portal": PORTAL,
        "property_ids": [samples().property_id(number) for number in numbers],
        "source_urls": [base + detail_path(number) for number in numbers],
    }
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text(_MANIFEST), listings)
            connection.execute(text(_STATE), listings)
    finally:
        engine.dispose()
