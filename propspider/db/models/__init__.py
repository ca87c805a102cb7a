"""The schema's truth; alembic/versions is its history and `alembic check` keeps them equal."""

from propspider.db.models.base import Base
from propspider.db.models.control import Alert, HostPacing, Lease, PortalPause, ScrapeQueue
from propspider.db.models.crawl import ScrapingError, ScrapingSession, SyncMetadata, SyncRun
from propspider.db.models.duplicates import (
    DuplicateBlock,
    DuplicateDecision,
    DuplicateEdge,
    DuplicateFeature,
    PropertyGroup,
    PropertyGroupMember,
)
from propspider.db.models.listing import (
    ListingColumns,
    PropertyChange,
    PropertyLive,
    PropertyOffer,
    PropertyStaging,
    PropertyState,
)
from propspider.db.models.manifest import ManifestSighting, PropertyManifest, Sweep, SweepPage, SweepPart
from propspider.db.models.metrics import MetricSample
from propspider.db.models.removal import RemovalCase, RemovalEvidence, UrlAlias, VerificationBatch

__all__ = [
    "Alert",
    "Base",
    "DuplicateBlock",
    "DuplicateDecision",
    "DuplicateEdge",
    "DuplicateFeature",
    "HostPacing",
    "Lease",
    "ListingColumns",
    "ManifestSighting",
    "MetricSample",
    "PortalPause",
    "PropertyChange",
    "PropertyGroup",
    "PropertyGroupMember",
    "PropertyLive",
    "PropertyManifest",
    "PropertyOffer",
    "PropertyStaging",
    "PropertyState",
    "RemovalCase",
    "RemovalEvidence",
    "ScrapeQueue",
    "ScrapingError",
    "ScrapingSession",
    "Sweep",
    "SweepPage",
    "SweepPart",
    "SyncMetadata",
    "SyncRun",
    "UrlAlias",
    "VerificationBatch",
]
