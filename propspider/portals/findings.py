"""What an answer about one listing says of it. Pure; every doubt is a finding that weighs nothing."""

import re
from urllib.parse import urljoin, urlsplit

from web_poet import HttpResponse

from propspider.evidence import Finding
from propspider.items import PropertyItem
from propspider.portals.contract import Portal, UnreadablePage
from propspider.portals.judgement import Judgement

_HOME = re.compile(r"/?|/[a-z]{2}(-[a-zA-Z]{2})?/?")
_THROTTLED = frozenset({202, 429})
_NO_HEAD = frozenset({405, 501})
_JUDGED = {
    Judgement.SOLD: Finding.SOLD,
    Judgement.WITHDRAWN: Finding.WITHDRAWN,
    Judgement.WRONG_PAGE: Finding.WRONG_PAGE,
    Judgement.EMPTY_PAGE: Finding.UNREADABLE,
    Judgement.UNREADABLE: Finding.UNREADABLE,
    Judgement.OTHER_LANGUAGE: Finding.OTHER_LANGUAGE,
}


def of_head(portal: Portal, response: HttpResponse, *, location: str | None) -> Finding:
    """Of a HEAD that followed no redirect. Only BLOCKED ends the matter; a GET tells more than any other."""
    status = response.status or 0
    if status in _NO_HEAD:
        return Finding.NO_HEAD
    judgement, _ = portal.judge(response, "detail")
    if judgement is Judgement.BLOCKED or status in _THROTTLED:
        return Finding.BLOCKED
    if 300 <= status < 400:
        return of_location(portal, urljoin(str(response.url), location)) if location else Finding.REDIRECTED
    if judgement is Judgement.GONE:
        return Finding.GONE
    return Finding.ANSWERED if 200 <= status < 300 else _of_status(status)


def of_get(
    portal: Portal, response: HttpResponse, property_id: str, *, asked: str | None = None
) -> tuple[Finding, str | None, PropertyItem | None]:
    """Finding, the sign that told, and the listing's page where it is alive. `asked`: the URL that was asked for, None where
    it is the response's.
    """
    redirected = asked is not None and asked != str(response.url)
    judgement, sign = portal.judge(response, "detail", asked=asked)
    status = response.status or 0
    refused = _refused(judgement, status)
    if refused is None and redirected:
        refused = _elsewhere(portal, response)
    if refused is not None:
        return refused, sign or f"status {status}", None
    item = _read(portal, response)
    if item is not None and item.property_id != property_id:
        return Finding.OTHER_LISTING, f"the page is of {item.property_id}", None
    if judgement is Judgement.GONE:
        return (Finding.GONE_PAGE if 200 <= status < 300 else Finding.GONE), sign, None
    if judgement is not Judgement.OK:
        return _JUDGED[judgement], sign, None
    if item is None:
        return Finding.UNREADABLE, "the page names no listing", None
    return (Finding.ALIVE, None, item) if status == 200 else (Finding.UNREADABLE, f"status {status}", None)


def _refused(judgement: Judgement, status: int) -> Finding | None:
    """None where the answer is a page that may be read."""
    if judgement is Judgement.BLOCKED or status in _THROTTLED:
        return Finding.BLOCKED
    if judgement is Judgement.LOGIN:
        return Finding.TO_LOGIN
    if judgement is Judgement.HTTP_STATUS:
        return Finding.REDIRECTED if 300 <= status < 400 else _of_status(status)
    return None


def _of_status(status: int) -> Finding:
    return Finding.SERVER_ERROR if status >= 500 else Finding.REFUSED


def of_location(portal: Portal, target: str) -> Finding:
    """Of a redirect to this absolute URL that was not followed."""
    if not portal.owns(target):
        return Finding.OFF_SITE
    if any(part in target for part in portal.facts.login.url_parts):
        return Finding.TO_LOGIN
    if _is_walk(portal, target):
        return Finding.TO_SEARCH
    return Finding.TO_HOME if _is_home(target) else Finding.REDIRECTED


def _elsewhere(portal: Portal, response: HttpResponse) -> Finding | None:
    """What a redirect led to that is no page of one listing; None for one that may be."""
    url = str(response.url)
    if _is_home(url):
        return Finding.TO_HOME
    shows_walk, _ = portal.judge(response, "listing")
    shows_listing, _ = portal.judge(response, "detail")
    if not 200 <= (response.status or 0) < 300:
        return Finding.WRONG_PAGE if _is_walk(portal, url) else None
    if _is_walk(portal, url):
        return Finding.TO_SEARCH
    return Finding.TO_SEARCH if shows_walk is Judgement.OK and shows_listing is not Judgement.OK else None


def _is_home(url: str) -> bool:
    return _HOME.fullmatch(urlsplit(url).path) is not None


def _is_walk(portal: Portal, url: str) -> bool:
    path = urlsplit(url).path.rstrip("/")
    return any(path == scope.path.rstrip("/") for scope in portal.facts.scopes.values())


def _read(portal: Portal, response: HttpResponse) -> PropertyItem | None:
    """None where the page does not look like one listing's, or does not name it."""
    body = bytes(response.body)
    if len(body) > portal.facts.max_page_bytes or body.count(b"<") > portal.facts.max_page_tags:
        return None
    lowered = body.lower()
    if not any(marker.lower().encode() in lowered for marker in portal.facts.detail_markers):
        return None
    try:
        return portal.detail_page(response)
    except UnreadablePage:
        return None
