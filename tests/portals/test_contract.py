"""What every portal must keep, whoever wrote it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from web_poet import HttpResponse, WebPage
from web_poet.testing import Fixture
from web_poet.utils import get_fq_class_name

from propspider import portals
from propspider.items import DATA_FIELDS, ManifestPage, PropertyItem
from propspider.portals import Portal
from propspider.portals.contract import PageKind

FIXTURES = Path(__file__).parent / "fixtures"
KINDS: tuple[PageKind, ...] = ("listing", "detail")
PORTALS = [portals.load(name) for name in portals.names()]
PROPERTY_ID = re.compile(r"[a-z0-9_]+:~?[A-Za-z0-9][A-Za-z0-9._-]{0,119}")

each_portal = pytest.mark.parametrize("portal", PORTALS, ids=lambda portal: portal.name)
each_kind = pytest.mark.parametrize("kind", KINDS)


def fixtures_of(portal: Portal, kind: PageKind) -> Iterator[Fixture]:
    """Those of pages that can be read."""
    for folder in sorted((FIXTURES / get_fq_class_name(portal.page_class(kind))).glob("test-*")):
        fixture = Fixture(folder)
        if fixture.output_path.is_file():
            yield fixture


def response_of(fixture: Fixture, portal: Portal, kind: PageKind) -> HttpResponse:
    page = fixture.get_page(portal.page_class(kind))
    assert isinstance(page, WebPage)
    return page.response


def items(portal: Portal, kind: PageKind) -> Iterator[ManifestPage | PropertyItem]:
    for fixture in fixtures_of(portal, kind):
        response = response_of(fixture, portal, kind)
        yield portal.listing_page(response) if kind == "listing" else portal.detail_page(response)


def ids(portal: Portal) -> dict[str, set[str]]:
    """`source_url → property_ids` over all fixtures."""
    found: dict[str, set[str]] = {}
    for page in items(portal, "listing"):
        assert isinstance(page, ManifestPage)
        for entry in page.entries:
            found.setdefault(entry.source_url, set()).add(entry.property_id)
    for item in items(portal, "detail"):
        assert isinstance(item, PropertyItem)
        found.setdefault(item.source_url, set()).add(item.property_id)
    return found


@each_portal
@each_kind
def test_page_classes_exist_and_have_a_good_fixture(portal: Portal, kind: PageKind) -> None:
    assert issubclass(portal.page_class(kind), WebPage)
    assert list(fixtures_of(portal, kind))


@each_portal
@each_kind
def test_a_fixture_is_judged_a_page_of_its_kind(portal: Portal, kind: PageKind) -> None:
    for fixture in fixtures_of(portal, kind):
        response = response_of(fixture, portal, kind)
        assert portal.judge(response, kind)[0] is portals.Judgement.OK, fixture.path


@each_portal
@each_kind
def test_a_fixture_keeps_no_cookie(portal: Portal, kind: PageKind) -> None:
    for fixture in fixtures_of(portal, kind):
        info = json.loads((fixture.input_path / "HttpResponse-info.json").read_text())
        assert {name.lower() for name, _ in info["headers"]} <= {"content-type", "last-modified", "etag"}


@each_portal
def test_ids_are_stable_over_the_fixture_urls(portal: Portal) -> None:
    found = ids(portal)
    assert all(PROPERTY_ID.fullmatch(one) and one.startswith(f"{portal.name}:") for named in found.values() for one in named)
    assert {url: named for url, named in found.items() if len(named) > 1} == {}


@each_portal
def test_a_mirror_yields_the_same_ids_and_urls(portal: Portal) -> None:
    mirror = portal.with_base("http://127.0.0.1:8099", allow_private=True)
    assert ids(mirror) == ids(portal)


@each_portal
def test_stored_urls_are_the_portals_own(portal: Portal) -> None:
    assert all(portal.owns(url) and url.startswith(portal.facts.base_url) for url in ids(portal))


@each_portal
def test_what_is_stated_empty_is_an_empty_field(portal: Portal) -> None:
    for item in items(portal, "detail"):
        assert isinstance(item, PropertyItem)
        assert item.stated_empty <= set(DATA_FIELDS)
        assert all(attrs.asdict(item)[name] is None for name in item.stated_empty)


@each_portal
def test_page_urls_go_there_and_back(portal: Portal) -> None:
    for scope in portal.facts.scopes:
        assert [portal.page_number(portal.page_url(scope, page)) for page in (1, 2, 99)] == [1, 2, 99]
        assert portal.page_url(scope, 1) == portal.facts.base_url + portal.facts.scopes[scope].path


@each_portal
def test_the_parser_version_is_short_and_steady(portal: Portal) -> None:
    assert re.fullmatch("[0-9a-f]{12}", portal.parser_version)
    assert portals.load(portal.name).parser_version == portal.parser_version
