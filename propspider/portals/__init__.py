"""One folder a portal: portal.toml and pages.py, which has ListingPage, DetailPage, page_url and page_number."""

from propspider.portals.contract import (
    BaseUrlRefused,
    Portal,
    PortalFileError,
    UnknownPortal,
    UnreadablePage,
    is_private_host,
    load,
    names,
)
from propspider.portals.judgement import Judgement

__all__ = [
    "BaseUrlRefused",
    "Judgement",
    "Portal",
    "PortalFileError",
    "UnknownPortal",
    "UnreadablePage",
    "is_private_host",
    "load",
    "names",
]
