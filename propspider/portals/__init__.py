"""One folder a portal: portal.toml and pages.py, which has ListingPage, DetailPage, page_url and page_number."""

from propspider.portals.contract import (
    BaseUrlRefused,
    Judgement,
    Portal,
    PortalFileError,
    UnknownPortal,
    UnreadablePage,
    is_private_host,
    load,
    names,
)

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
