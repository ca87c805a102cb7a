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
from propspider.items import DATA_FIELDS, WHOLE, ManifestPage, Part, PropertyItem
from propspider.portals import Portal
from propspider.portals.judgement import PageKind

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


def parts_of(portal: Portal, scope: str) -> list[Part]:
    """One of each kind that the portal declares, every type and place, and ranges that differ by one amount."""
    split = portal.facts.split
    if split is None or not portal.can_split(scope):
        return []
    types = [Part(property_type=kind) for kind in split.types]
    places = [Part(place=place) for place in split.places]
    both = [Part(property_type=kind, place=place) for kind in list(split.types)[:2] for place in list(split.places)[:2]]
    bounds = [(None, 5), (None, 6), (5, None), (5, 6)] if split.prices else []
    return [
        *types,
        *places,
        *both,
        *(
            attrs.evolve(
                part,
                price_from=low,
                price_to=high,
                currency=portal.facts.currency,
                operation=portal.facts.scopes[scope].operation,
            )
            for part in (WHOLE, *both)
            for low, high in bounds
        ),
    ]


@each_portal
def test_each_part_of_a_scope_has_an_address_of_its_own_with_its_own_pages(portal: Portal) -> None:
    for scope in portal.facts.scopes:
        parts = [WHOLE, *parts_of(portal, scope)]
        urls = [portal.page_url(scope, page, part) for part in parts for page in (1, 2, 99)]
        assert len(set(urls)) == 3 * len(parts)
        assert all(portal.owns(url) and portal.site_url(url) == url for url in urls)
        assert [portal.page_number(url) for url in urls] == [1, 2, 99] * len(parts)


@each_portal
def test_a_mirror_has_the_same_parts(portal: Portal) -> None:
    mirror = portal.with_base("http://127.0.0.1:8099", allow_private=True)
    for scope in portal.facts.scopes:
        for part in parts_of(portal, scope):
            url = mirror.page_url(scope, 2, part)
            assert url.startswith("http://127.0.0.1:8099/")
            assert portal.site_url(url) == portal.page_url(scope, 2, part)


@each_portal
def test_what_a_split_says_can_be_used(portal: Portal) -> None:
    split = portal.facts.split
    if split is None:
        return
    values = {"type": bool(split.types), "place": bool(split.places), "price": split.prices}
    assert all(values[dimension] for dimension in split.order)
    assert portal.facts.page_cap is not None
    assert any(portal.can_split(scope) for scope in portal.facts.scopes)


@each_portal
def test_an_address_where_nothing_ever_was_is_the_portals_own(portal: Portal) -> None:
    urls = [portal.nowhere_url(number) for number in range(3)]
    assert len(set(urls)) == 3
    assert all(portal.owns(url) and url.startswith(portal.facts.base_url) for url in urls)
    assert not set(urls) & {portal.page_url(scope, 1) for scope in portal.facts.scopes}
    for url in urls:
        answer = HttpResponse(url=url, body=b"<h1>Not found</h1>", status=404)
        assert portal.judge(answer, "detail")[0] is portals.Judgement.GONE


@each_portal
def test_the_sitemap_is_on_hosts_that_are_declared(portal: Portal) -> None:
    hosts = set(portal.facts.sitemap_hosts)
    assert not hosts & set(portal.facts.domains)
    if portal.facts.sitemap is not None:
        assert portal.owns(portal.facts.base_url + portal.facts.sitemap)


@each_portal
def test_the_parser_version_is_short_and_steady(portal: Portal) -> None:
    assert re.fullmatch("[0-9a-f]{12}", portal.parser_version)
    assert portals.load(portal.name).parser_version == portal.parser_version
