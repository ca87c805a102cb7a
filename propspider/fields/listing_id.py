"""Property ids are built here and nowhere else. They are a promise: consumers store them."""

import re
from urllib.parse import urlsplit

_KEY = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,119}\Z")
_SEPARATOR = ":"
_PROVISIONAL = "~"


def property_id(portal: str, key: str) -> str:
    """`<portal>:<the portal's own stable key>`. Raises ValueError for a key that is not one printable word."""
    if not _KEY.match(key):
        raise ValueError(f"not a listing key: {key!r}")
    return f"{portal}{_SEPARATOR}{key}"


def provisional_id(portal: str, internal_id: str) -> str:
    """For a listing whose public key is not known yet; merged when a page tells it."""
    if not internal_id.isdigit():
        raise ValueError(f"not an internal number: {internal_id!r}")
    return f"{portal}{_SEPARATOR}{_PROVISIONAL}{internal_id}"


def provisional_id_of_url(portal: str, url: str) -> str | None:
    """For a listing of which nothing but its URL is known; None where the last part of the path is not one printable word."""
    key = urlsplit(url).path.rstrip("/").rpartition("/")[2]
    return f"{portal}{_SEPARATOR}{_PROVISIONAL}{key}" if _KEY.match(key) and not key.isdigit() else None


def is_provisional(listing: str) -> bool:
    return f"{_SEPARATOR}{_PROVISIONAL}" in listing


def internal_number(listing: str) -> str:
    """The internal number inside a provisional id."""
    return listing.partition(f"{_SEPARATOR}{_PROVISIONAL}")[2]


def portal_of(listing: str) -> str:
    return listing.partition(_SEPARATOR)[0]
