"""What a response is, before anything is read from it. Pure."""

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from propspider.items import ErrorType

if TYPE_CHECKING:
    from propspider.portals.contract import PortalFacts

PageKind = Literal["listing", "detail"]

_PAGE_LANGUAGE = re.compile(rb"<html\b[^>]*?\slang\s*=\s*[\"']?([a-z]{2})\b")
_HEAD_BYTES = 4096


class Judgement(StrEnum):
    OK = "ok"
    BLOCKED = "blocked"
    LOGIN = "login"
    GONE = "gone"
    SOLD = "sold"
    WITHDRAWN = "withdrawn"
    HTTP_STATUS = "http_status"
    WRONG_PAGE = "wrong_page"
    EMPTY_PAGE = "empty_page"
    UNREADABLE = "unreadable"
    OTHER_LANGUAGE = "other_language"

    @property
    def error_type(self) -> ErrorType:
        return ErrorType.GONE if self in {Judgement.SOLD, Judgement.WITHDRAWN} else ErrorType(self.value)


def of_body(facts: "PortalFacts", body: bytes, lowered: bytes, kind: PageKind) -> tuple[Judgement, str] | None:
    """What a body is that is no whole page of the kind, and the sign that told; None for one that is."""
    if not body.strip():
        return Judgement.EMPTY_PAGE, "no body"
    if len(body) > facts.max_page_bytes or body.count(b"<") > facts.max_page_tags:
        return Judgement.UNREADABLE, f"too large: {len(body)} bytes, {body.count(b'<')} tags"
    if b"\x00" in body[:1024] and not body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Judgement.UNREADABLE, "binary body"
    markers = facts.listing_markers if kind == "listing" else facts.detail_markers
    if not any(marker.lower().encode() in lowered for marker in markers):
        return Judgement.WRONG_PAGE, f"none of the {kind} markers {list(markers)}"
    if facts.closing_marker.lower().encode() not in lowered:
        return Judgement.UNREADABLE, f"cut off: no {facts.closing_marker} in {len(body)} bytes"
    return None


def of_language(wanted: str, by_url: str | None, lowered: bytes) -> tuple[Judgement, str] | None:
    """How a page tells, by the URL that it came from or by itself, that it is in another language than the one wanted."""
    declared = _PAGE_LANGUAGE.search(lowered, 0, _HEAD_BYTES)
    for shown in (by_url, declared[1].decode() if declared else None):
        if shown not in {wanted, None}:
            return Judgement.OTHER_LANGUAGE, f"the page is in {shown}, not in {wanted}"
    return None
