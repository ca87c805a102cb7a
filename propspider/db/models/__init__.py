"""The schema's truth; alembic/versions is its history and `alembic check` keeps them equal."""

from propspider.db.models.base import Base
from propspider.db.models.control import HostPacing, Lease, ScrapeQueue
from propspider.db.models.crawl import ScrapingError, ScrapingSession, SyncMetadata, SyncRun
from propspider.db.models.listing import (
    ListingColumns,
    PropertyChange,
    PropertyLive,
    PropertyOffer,
    PropertyStaging,
    PropertyState,
)
from propspider.db.models.manifest import ManifestSighting, PropertyManifest, Sweep, SweepPage

__all__ = [
    "Base",
    "HostPacing",
    "Lease",
    "ListingColumns",
    "ManifestSighting",
    "PropertyChange",
    "PropertyLive",
    "PropertyManifest",
    "PropertyOffer",
    "PropertyStaging",
    "PropertyState",
    "ScrapeQueue",
    "ScrapingError",
    "ScrapingSession",
    "Sweep",
    "SweepPage",
    "SyncMetadata",
    "SyncRun",
]
