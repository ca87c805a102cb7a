"""What an answer says of the listing that was asked for; a pure rule."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_poet import HttpResponse

from propspider.evidence import GONE_LIKE, Finding, weight
from propspider.lab.catalogue import Language
from propspider.lab.pages import Pages
from propspider.lab.world import World
from propspider.portals import Portal, findings, load
from propspider.portals.contract import Signs

WORLD = World.create(12)
PAGES = Pages(WORLD, page_size=12, page_cap=None)
MINE, OTHER = WORLD.listings[:2]
SITE = "https://www.pincali.com"
URL = f"{SITE}/en/home/{MINE.slug}"
ID = f"pincali:{MINE.public_id}"
ASKED = f"{SITE}/en/home/as-it-was-called-before"
SEARCH = f"{SITE}/en/properties/properties-for-sale"


def page(listing: object = MINE, language: Language = "en") -> bytes:
    body = PAGES.detail(listing.slug, language)  # type: ignore[attr-defined]
    assert body is not None
    return body


def search() -> bytes:
    from propspider.lab.pages import SCOPES

    body = PAGES.listing(SCOPES[0], "en", 1)
    assert body is not None
    return body


@pytest.fixture(scope="module")
def portal() -> Portal:
    known = load("pincali")
    signs = {"sold": Signs(markers=("ya fue vendida",)), "withdrawn": Signs(markers=("retirada del mercado",))}
    return replace(known, facts=known.facts.model_copy(update=signs))


def of_get(portal: Portal, body: bytes | str, *, status: int = 200, url: str = URL, redirected: bool = False) -> Finding:
    content = body.encode() if isinstance(body, str) else body
    return findings.of_get(portal, HttpResponse(url, body=content, status=status), ID, asked=ASKED if redirected else None)[0]


CASES: list[tuple[Finding, dict[str, object]]] = [
    (Finding.ALIVE, {"body": page()}),
    (Finding.ALIVE, {"body": page(), "redirected": True}),
    (Finding.OTHER_LANGUAGE, {"body": page(language="es"), "url": f"{SITE}/inmueble/{MINE.slug}", "redirected": True}),
    (Finding.OTHER_LANGUAGE, {"body": page(), "url": f"{SITE}/inmueble/{MINE.slug}", "redirected": True}),
    (Finding.OTHER_LANGUAGE, {"body": page(language="es")}),
    (Finding.ALIVE, {"body": page(language="es"), "url": f"{SITE}/inmueble/{MINE.slug}"}),
    (Finding.OTHER_LISTING, {"body": page(OTHER), "redirected": True}),
    (Finding.OTHER_LISTING, {"body": page(OTHER) + b"ya fue vendida"}),
    (Finding.GONE, {"body": "not found", "status": 404}),
    (Finding.GONE, {"body": "gone", "status": 410}),
    (Finding.GONE_PAGE, {"body": "<html>This property is no longer available</html>"}),
    (Finding.GONE_PAGE, {"body": page() + b"This property is no longer available"}),
    (Finding.SOLD, {"body": "<html>La propiedad ya fue vendida</html>"}),
    (Finding.SOLD, {"body": page() + b"Ya fue vendida"}),
    (Finding.WITHDRAWN, {"body": "<html>Retirada del mercado</html>"}),
    (Finding.TO_SEARCH, {"body": search(), "url": SEARCH, "redirected": True}),
    (Finding.TO_SEARCH, {"body": search(), "url": f"{SITE}/en/properties/houses-for-sale-in-x", "redirected": True}),
    (Finding.TO_SEARCH, {"body": search() + b"ya fue vendida", "url": SEARCH, "redirected": True}),
    (Finding.TO_HOME, {"body": "<html>welcome</html>", "url": f"{SITE}/en", "redirected": True}),
    (Finding.TO_HOME, {"body": "<html>welcome</html>", "url": f"{SITE}/", "redirected": True}),
    (Finding.TO_LOGIN, {"body": "<html>log in</html>", "url": f"{SITE}/en/account/authentication/new", "redirected": True}),
    (Finding.WRONG_PAGE, {"body": search()}),
    (Finding.WRONG_PAGE, {"body": "<html>welcome</html>"}),
    (Finding.WRONG_PAGE, {"body": "not found", "status": 404, "url": SEARCH, "redirected": True}),
    (Finding.BLOCKED, {"body": "<title>Human Verification</title>", "status": 404}),
    (Finding.BLOCKED, {"body": page(), "status": 202}),
    (Finding.BLOCKED, {"body": "", "status": 202}),
    (Finding.BLOCKED, {"body": "slow down", "status": 429}),
    (Finding.BLOCKED, {"body": "forbidden", "status": 403}),
    (Finding.BLOCKED, {"body": "not allowed", "status": 405}),
    (Finding.REFUSED, {"body": "what?", "status": 422}),
    (Finding.SERVER_ERROR, {"body": page(), "status": 503}),
    (Finding.REDIRECTED, {"body": "", "status": 302}),
    (Finding.UNREADABLE, {"body": ""}),
    (Finding.UNREADABLE, {"body": b"\x00\x01\x02"}),
    (Finding.UNREADABLE, {"body": page(), "status": 203}),
    (Finding.UNREADABLE, {"body": "<div class='listing__header'>"}),
    (Finding.UNREADABLE, {"body": page()[: len(page()) // 2]}),
]


@pytest.mark.parametrize(("finding", "answer"), CASES, ids=[f"{index}-{finding}" for index, (finding, _) in enumerate(CASES)])
def test_a_get(portal: Portal, finding: Finding, answer: dict[str, object]) -> None:
    assert of_get(portal, **answer) is finding  # type: ignore[arg-type]


def test_only_an_alive_page_is_handed_on(portal: Portal) -> None:
    _, _, item = findings.of_get(portal, HttpResponse(URL, body=page(), status=200), ID)
    assert item is not None
    assert item.property_id == ID
    _, _, none = findings.of_get(portal, HttpResponse(URL, body=page(OTHER), status=200), ID)
    assert none is None


@pytest.mark.parametrize(
    ("status", "location", "finding"),
    [
        (200, None, Finding.ANSWERED),
        (404, None, Finding.GONE),
        (410, None, Finding.GONE),
        (405, None, Finding.NO_HEAD),
        (501, None, Finding.NO_HEAD),
        (403, None, Finding.BLOCKED),
        (429, None, Finding.BLOCKED),
        (202, None, Finding.BLOCKED),
        (422, None, Finding.REFUSED),
        (500, None, Finding.SERVER_ERROR),
        (302, SEARCH, Finding.TO_SEARCH),
        (302, "/en/properties/properties-for-rent/?page=2", Finding.TO_SEARCH),
        (301, "/en", Finding.TO_HOME),
        (302, "/en/account/authentication/new", Finding.TO_LOGIN),
        (302, "http://169.254.169.254/latest", Finding.OFF_SITE),
        (302, "https://elsewhere.example/x", Finding.OFF_SITE),
        (302, f"/inmueble/{MINE.slug}?locale_changed=true", Finding.REDIRECTED),
        (302, None, Finding.REDIRECTED),
    ],
)
def test_a_head(portal: Portal, status: int, location: str | None, finding: Finding) -> None:
    assert findings.of_head(portal, HttpResponse(URL, body=b"", status=status), location=location) is finding


def test_a_portal_that_does_not_call_a_status_a_block_is_refused_by_it() -> None:
    known = load("pincali")
    plain = replace(known, facts=known.facts.model_copy(update={"blocked": Signs()}))
    assert of_get(plain, "forbidden", status=403) is Finding.REFUSED
    assert of_get(plain, "slow down", status=429) is Finding.BLOCKED


bodies = st.sampled_from([b"", b"<html></html>", page(), page(OTHER), search(), b"ya fue vendida", b"gokuProps", b"\xff\xfe\x00"])
bodies = bodies | st.binary(max_size=200)
urls = st.sampled_from([URL, SEARCH, SITE, f"{SITE}/en/account/authentication/new", f"{SITE}/elsewhere"])


@given(body=bodies, status=st.integers(100, 599), url=urls, redirected=st.booleans())
def test_whatever_comes_only_what_is_like_gone_weighs(body: bytes, status: int, url: str, redirected: bool) -> None:
    portal = load("pincali")
    asked = ASKED if redirected else None
    finding, _, item = findings.of_get(portal, HttpResponse(url, body=body, status=status), ID, asked=asked)
    assert (weight("GET", finding) > 0) == (finding in GONE_LIKE)
    assert (item is not None) == (finding is Finding.ALIVE)
    if status in {202, 401, 403, 405, 429} or status >= 500 or 100 <= status < 200:
        assert weight("GET", finding) == 0
    head = findings.of_head(portal, HttpResponse(url, body=b"", status=status), location=url if redirected else None)
    assert weight("HEAD", head) == 0
