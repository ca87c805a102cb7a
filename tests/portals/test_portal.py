"""The parts of the contract that need no particular portal's pages."""

from pathlib import Path

import pytest
from web_poet import HttpResponse

from propspider import portals
from propspider.items import ErrorType
from propspider.portals import BaseUrlRefused, Judgement, PortalFileError, UnknownPortal, contract
from propspider.portals.contract import PortalFacts
from propspider.portals.judgement import PageKind

PINCALI = portals.load("pincali")
SITE = PINCALI.facts.base_url
WALL = b"<html><script>window.gokuProps = {}</script></html>"
LISTING = b"<div data-search-results data-total='5'></div></html>"
DETAIL = b"<div class='listing__header'></div></html>"
SPANISH = b"<!doctype html>\n<html class='x' lang='es-MX'>" + DETAIL


def response(body: bytes = LISTING, status: int | None = 200, path: str = "/en/properties/x") -> HttpResponse:
    return HttpResponse(url=SITE + path, body=body, status=status)


@pytest.mark.parametrize(
    ("answer", "kind", "expected"),
    [
        (response(), "listing", Judgement.OK),
        (response(DETAIL), "detail", Judgement.OK),
        (response(status=None), "listing", Judgement.OK),
        (response(LISTING), "detail", Judgement.WRONG_PAGE),
        (response(b"", status=202), "listing", Judgement.BLOCKED),
        (response(WALL), "detail", Judgement.BLOCKED),
        (response(WALL.upper(), status=404), "detail", Judgement.BLOCKED),
        (response(status=429), "listing", Judgement.BLOCKED),
        (response(path="/en/account/authentication/new"), "detail", Judgement.LOGIN),
        (response(b"gone", status=404), "detail", Judgement.GONE),
        (response(b"gone", status=410), "detail", Judgement.GONE),
        (response("Esta propiedad ya no está disponible".encode()), "detail", Judgement.GONE),
        (response(status=503), "listing", Judgement.HTTP_STATUS),
        (response(b" \n "), "listing", Judgement.EMPTY_PAGE),
        (response(b"\x89PNG\x00\x00"), "listing", Judgement.UNREADABLE),
        (response(LISTING.removesuffix(b"l>")), "listing", Judgement.UNREADABLE),
        (response(DETAIL.removesuffix(b"</html>")), "detail", Judgement.UNREADABLE),
        (response(DETAIL + b"<!-- 12 ms -->"), "detail", Judgement.OK),
        (response(SPANISH), "detail", Judgement.OTHER_LANGUAGE),
        (response(SPANISH, path="/inmueble/x"), "detail", Judgement.OK),
        (response(SPANISH, status=404), "detail", Judgement.GONE),
    ],
)
def test_what_a_response_is(answer: HttpResponse, kind: PageKind, expected: Judgement) -> None:
    judgement, sign = PINCALI.judge(answer, kind)
    assert judgement is expected
    assert bool(sign) is (expected is not Judgement.OK)


@pytest.mark.parametrize(
    ("path", "language"),
    [("/en/home/x", "en"), ("/en/properties/x", "en"), ("/pt/imovel/x", "pt"), ("/inmueble/x", "es"), ("/english/x", "es")],
)
def test_the_language_of_a_page_by_its_url(path: str, language: str) -> None:
    assert PINCALI.language_of(f"http://127.0.0.1:8099{path}?page=2") == language


def test_a_page_that_came_for_one_in_another_language_is_refused() -> None:
    answer = response(DETAIL, path="/inmueble/x")
    assert PINCALI.judge(answer, "detail", asked=f"{SITE}/en/home/x") == (
        Judgement.OTHER_LANGUAGE,
        "the page is in es, not in en",
    )
    assert PINCALI.judge(answer, "detail", asked=f"{SITE}/inmueble/y")[0] is Judgement.OK


def test_a_portal_may_have_one_language_and_pages_without_an_end() -> None:
    facts = PINCALI.facts.model_copy(update={"languages": {}, "closing_marker": ""})
    plain = contract.Portal(name="pincali", facts=facts, base_url=facts.base_url)
    assert plain.judge(response(SPANISH.removesuffix(b"</html>")), "detail", asked=f"{SITE}/en/home/x")[0] is Judgement.OK


def test_every_judgement_but_ok_is_an_error_type() -> None:
    said = {Judgement.SOLD, Judgement.WITHDRAWN}
    plain = [judgement for judgement in Judgement if judgement is not Judgement.OK and judgement not in said]
    assert {judgement.error_type.value for judgement in plain} == {judgement.value for judgement in plain}
    assert {judgement.error_type for judgement in said} == {ErrorType.GONE}


@pytest.mark.parametrize(
    ("url", "owned"),
    [
        (f"{SITE}/x", True),
        ("http://pincali.com:80/x", True),
        ("https://www.pincali.com:8443/x", False),
        ("https://evil.example.com/www.pincali.com", False),
        ("https://user@www.pincali.com/x", False),
        ("ftp://www.pincali.com/x", False),
        ("https://[broken", False),
        ("https://www.pincali.com:99999/x", False),
        ("/x", False),
    ],
)
def test_which_urls_a_portal_owns(url: str, owned: bool) -> None:
    assert PINCALI.owns(url) is owned


def test_a_mirror_is_fetched_and_the_portals_own_urls_are_stored() -> None:
    mirror = PINCALI.with_base("http://127.0.0.1:8099/ignored", allow_private=True)
    assert mirror.is_mirrored
    assert mirror.hosts == {"127.0.0.1:8099"}
    assert mirror.fetch_url(f"{SITE}/x?page=2#top") == "http://127.0.0.1:8099/x?page=2"
    assert mirror.site_url("http://127.0.0.1:8099/x?page=2#top") == f"{SITE}/x?page=2"
    assert mirror.owns("http://127.0.0.1:8099/x")
    assert mirror.page_url("rent", 2).startswith("http://127.0.0.1:8099/en/")


def test_without_a_mirror_urls_stay_as_they_are() -> None:
    assert PINCALI.with_base(None, allow_private=False) is PINCALI
    assert PINCALI.fetch_url("https://x.example.com/y") == "https://x.example.com/y"
    assert PINCALI.hosts == set(PINCALI.facts.domains)


@pytest.mark.parametrize(
    "base", ["ftp://example.com", "example.com", "http://", "http://localhost:8000", "http://10.0.0.1", "http://x.internal"]
)
def test_a_base_url_that_is_refused(base: str) -> None:
    with pytest.raises(BaseUrlRefused):
        PINCALI.with_base(base, allow_private=False)


def test_public_names_and_addresses_are_not_private() -> None:
    assert [portals.is_private_host(host) for host in ("example.com", "8.8.8.8", "192.168.1.1", "::1", "printer.local")] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_an_unknown_portal_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownPortal, match=r"there are: .*pincali"):
        portals.load("nowhere")


def test_a_broken_portal_file_names_file_and_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "portal.toml").write_text('title = "Broken"\n')
    monkeypatch.setattr(contract, "files", lambda _package: tmp_path)
    with pytest.raises(PortalFileError, match=r"portals/broken/portal\.toml(.|\n)*base_url"):
        portals.load("broken")


@pytest.mark.parametrize(
    "changed",
    [
        {"base_url": "https://elsewhere.example.com"},
        {"time_zone": "Mars/Olympus"},
        {"scopes": {}},
        {"nonsense": 1},
        {"split": {"scopes": ["sale", "nowhere"]}},
    ],
)
def test_facts_that_break_the_contract_are_refused(changed: dict[str, object]) -> None:
    facts = PINCALI.facts.model_dump()
    with pytest.raises((ValueError, LookupError)):
        PortalFacts.model_validate(facts | changed)
